// Archives for tests: what is in them is known to the byte.

/** The test file that every scanner agrees to find; in two parts, so that this file is not it. */
export const EICAR = 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*';

const crc = bytes => {
  let c = ~0;
  for (const b of bytes) {
    c ^= b;
    for (let k = 0; k < 8; k++) c = c & 1 ? c >>> 1 ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
};

/** A ZIP of stored members: {name: text or bytes}. */
export function zip(members) {
  const parts = [], list = [];
  let at = 0;
  for (const [name, data] of Object.entries(members)) {
    const bytes = Buffer.from(data), called = Buffer.from(name), head = Buffer.alloc(30), entry = Buffer.alloc(46);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2); // names are UTF-8
    common.writeUInt32LE(0x5a210000, 6);
    common.writeUInt32LE(crc(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(called.length, 22);
    head.writeUInt32LE(0x04034b50);
    common.copy(head, 4);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(20, 4);
    common.copy(entry, 6);
    entry.writeUInt32LE(at, 42);
    list.push(entry, called);
    parts.push(head, called, bytes);
    at += head.length + called.length + bytes.length;
  }
  const directory = Buffer.concat(list), end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(Object.keys(members).length, 8);
  end.writeUInt16LE(Object.keys(members).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end]);
}
