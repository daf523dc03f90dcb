// Where the thread of the archive begins. Plain JavaScript, because a thread can't start from TypeScript: as pool/member-entry.mjs.
import { existsSync } from 'node:fs'

const compiled = existsSync(new URL('./serve-archive.js', import.meta.url))
if (!compiled) (await import('tsx/esm/api')).register()
const { serveArchive } = await import('./serve-archive.ts')
serveArchive()
