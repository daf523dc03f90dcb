// Where the threads and processes of a pool begin. Plain JavaScript, because a thread can't start from TypeScript. Beside
// the sources it brings in tsx first; beside the compiled code, where the compiler made './member.js' of the path below,
// there is nothing to bring.
import { existsSync } from 'node:fs'

const compiled = existsSync(new URL('./member.js', import.meta.url))
if (!compiled) (await import('tsx/esm/api')).register()
const { serve } = await import('./member.ts')
serve()
