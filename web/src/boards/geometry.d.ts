declare module 'geometry:taiwan' {
  const taiwan: { width: number; height: number; source: string; boxes: number[][]; counties: { id: string; code: string; zh: string; en: string; at: [number, number]; d: string }[] };
  export default taiwan;
}
