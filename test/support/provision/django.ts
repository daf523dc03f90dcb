import { aptInstall } from './apt.ts'
import { run } from './command.ts'
import { djangoFor } from './from-pip.ts'
import { type Python, python } from './python.ts'

/** The newest Celery's Python, with Django: that of pip, else Debian's. Rejects with the reason where neither can be had. */
export async function pythonWithDjango(): Promise<Python> {
  const found = await python()
  try {
    const folder = await djangoFor(found.command)
    return { ...found, env: { ...found.env, PYTHONPATH: `${found.env.PYTHONPATH}:${folder}` } }
  } catch (error) {
    await aptInstall(['python3-django'], `Django (pip does not bring it: ${(error as Error).message})`)
    await run(found.command, ['-c', 'import django'], { env: { ...process.env, ...found.env } })
    return found
  }
}
