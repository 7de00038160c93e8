/* How often does a value hold this text? A guess, made from a page of what
 * logs are full of, written here by hand: it steers which test wakes a rule
 * and by which four bytes a text is looked for. It changes speed only, never
 * what matches, and never learns from events: those an attacker may write. */
#include "detect/engine_int.h"

#define SLOTS 8192

struct typical {
	uint8_t quads[SLOTS]; /* how many places of the page share four bytes of that hash */
	uint8_t pairs[SLOTS];
};

static const char page[] =
	"c:\\windows\\system32\\svchost.exe -k netsvcs -p -s schedule c:\\windows\\system32\\ c:\\windows\\system32\\ \\windows\\ \\windows\\ "
	"c:\\windows\\system32\\services.exe c:\\windows\\system32\\lsass.exe c:\\windows\\system32\\wbem\\wmiprvse.exe -secured -embedding "
	"c:\\windows\\system32\\windowspowershell\\v1.0\\powershell.exe -nop -noni -w hidden -enc -exec bypass -command \"& { \" "
	"c:\\windows\\system32\\cmd.exe /c \"c:\\windows\\system32\\cmd.exe\" /c echo c:\\windows\\system32\\conhost.exe 0xffffffff -forcev1 "
	"c:\\windows\\syswow64\\rundll32.exe c:\\windows\\system32\\rundll32.exe shell32.dll,control_rundll c:\\windows\\explorer.exe "
	"c:\\program files\\ c:\\program files (x86)\\ c:\\programdata\\microsoft\\windows defender\\platform\\4.18\\msmpeng.exe "
	"c:\\users\\user\\appdata\\local\\temp\\ c:\\users\\ c:\\users\\administrator\\desktop\\ \\appdata\\roaming\\microsoft\\windows\\ "
	"c:\\program files (x86)\\google\\chrome\\application\\chrome.exe --type=renderer --lang=en-us c:\\windows\\temp\\ "
	"c:\\windows\\system32\\ntdll.dll+9c584|c:\\windows\\system32\\kernelbase.dll+2c0fe|c:\\windows\\system32\\kernel32.dll+17974|"
	"unknown(00000000000000) c:\\windows\\system32\\advapi32.dll c:\\windows\\system32\\user32.dll c:\\windows\\system32\\combase.dll "
	"c:\\windows\\system32\\rpcrt4.dll+5a2b3|c:\\windows\\assembly\\nativeimages_v4.0.30319_64\\system.management.automation.ni.dll "
	"c:\\windows\\microsoft.net\\framework64\\v4.0.30319\\mscorlib.dll c:\\windows\\winsxs\\amd64_microsoft.windows.common-controls "
	"hklm\\system\\currentcontrolset\\services\\ hklm\\software\\microsoft\\windows\\currentversion\\ \\registry\\machine\\system\\ "
	"hklm\\software\\microsoft\\windows nt\\currentversion\\ hklm\\software\\wow6432node\\microsoft\\windows\\currentversion\\explorer\\ "
	"hku\\s-1-5-21-1111111111-2222222222-3333333333-500\\software\\microsoft\\windows\\currentversion\\internet settings\\zonemap\\ "
	"hklm\\software\\policies\\microsoft\\windows\\ \\parameters\\ \\enum\\ \\control\\ \\control panel\\ dword (0x00000001) binary data "
	"\\software\\classes\\clsid\\{00000000-0000-0000-0000-000000000000}\\inprocserver32\\(default) hkcr\\ hkcu\\software\\ "
	"sha1=0123456789abcdef,md5=0123456789abcdef,sha256=0123456789abcdef,imphash=00000000000000000000000000000000 "
	"microsoft-windows-sysmon/operational microsoft-windows-security-auditing microsoft-windows-powershell nt authority\\system "
	"nt authority\\network service microsoft corporation microsoft windows operating system microsoft(r) windows(r) 10.0.17763.1 "
	"(winbuild.160101.0800) system high medium true false tcp udp 127.0.0.1 0:0:0:0:0:0:0:1 fe80:0:0:0: 192.168.1.1 10.0.0.1 "
	"desktop-pc.domain.local workstation admin user guest 2020-01-01 00:00:00.000 0x1000 0x1fffff 0x1410 0x3e7 %%1936 s-1-5-18 "
	"http://www.microsoft.com https:// .com/ .com .net .org .local .dll .exe .exe .exe .sys .tmp .txt .log .dat .ps1 .xml .lnk "
	"function param ( $ [parameter(mandatory=$true)] [string] $null new-object -eq write-host get-item import-module return if ( ) "
	"{ } $_. foreach-object where-object -erroraction silentlycontinue namespace system.io system.net.webclient -computername "
	"usr/bin/ /usr/bin/ /bin/sh -c /bin/bash /etc/ /var/log/ /tmp/ /home/ /dev/null root sudo usr/lib/ /library/ /users/ /system/library/ "
	"get / http/1.1 mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/ safari/ index.php?id= "
	"host name=consolehost host version=5.1.17763.1 host id=00000000-0000-0000-0000-000000000000 engine version=5.1 runspace id= "
	"pipeline id= command name= command type=cmdlet script name= command path= sequence number= user=domain\\user connected user= "
	"shell id=microsoft.powershell severity=informational host application=c:\\windows\\system32\\windowspowershell\\v1.0\\powershell "
	"commandinvocation(out-default): parameterbinding(out-string): name=\"inputobject\"; value=\" details: detailsequence= detailtotal= "
	"0x1400 0x1400 0x1400 0x1000 0x1000 0x1410 0x1fffff 0x1f3fff 0x0 valid valid signed createkey createkey setvalue setvalue deletevalue "
	"write-output set-strictmode get-command get-module invoke-expression set-item remove-item start-process select-object out-null "
	"system32\\ntdll.dll+ kernelbase.dll+ kernel32.dll+ \\svchost.exe \\lsass.exe \\services.exe \\explorer.exe 5156 5158 4658 4690 4656 "
	"the process was created a new account logon type subject security id: account name: account domain: logon id: ";

static uint32_t slot_of(uint32_t bytes)
{
	return (bytes * 0x9e3779b1u) >> 19;
}

static uint32_t quad_at(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static void count(uint8_t *slot)
{
	*slot = (uint8_t)(*slot + (*slot < 255));
}

struct typical *typical_new(struct arena *a)
{
	struct typical *t = arena_alloc(a, sizeof *t);

	if (t == NULL)
		return NULL;
	for (size_t i = 0; i + 4 < sizeof page; i++) {
		count(&t->quads[slot_of(quad_at(page + i))]);
		count(&t->pairs[slot_of(quad_at(page + i) & 0xffff)]);
	}
	return t;
}

/* Four bytes that the page holds are common by their number; others by their pairs. */
static float quad_chance(const struct typical *t, const char *p)
{
	uint32_t q = quad_at(p), seen = t->quads[slot_of(q)], pairs;

	if (seen > 0)
		return seen > 24 ? 0.5F : 0.02F * (float)seen;
	pairs = t->pairs[slot_of(q & 0xffff)];
	if (t->pairs[slot_of(q >> 8 & 0xffff)] < pairs)
		pairs = t->pairs[slot_of(q >> 8 & 0xffff)];
	if (t->pairs[slot_of(q >> 16)] < pairs)
		pairs = t->pairs[slot_of(q >> 16)];
	return 0.0005F + 0.0005F * (float)(pairs < 10 ? pairs : 10);
}

float typical_chance(const struct typical *t, struct str lit, size_t *ret_at)
{
	static const float shorts[4] = { 1.0F, 0.8F, 0.4F, 0.1F };
	float best = 1;
	size_t at = 0;

	if (lit.n < 4) {
		if (ret_at != NULL)
			*ret_at = 0;
		return shorts[lit.n];
	}
	for (size_t i = 0; i + 4 <= lit.n; i++) {
		float chance = quad_chance(t, lit.p + i);

		if (chance < best) {
			best = chance;
			at = i;
		}
	}
	if (ret_at != NULL)
		*ret_at = at;
	return best * 12 / (float)(8 + (lit.n > 60 ? 60 : lit.n)); /* longer is rarer */
}
