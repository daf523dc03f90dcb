import { expect, it } from 'vitest'
import { Program } from './program.ts'

it('a live run that can not start says why and ends, without waiting for anything', async () => {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'live', 'test/support/services.live.test.ts']
  await using run = new Program(process.execPath, vitest, { env: { TWQ_TEST_PYTHON: '/bin/false', VITEST: undefined } })
  expect(await run.exit).toEqual({ code: 1, signal: null })
  const said = run.lines.entries.join('\n')
  expect(said).toContain('The live tests need Celery and Flask for Python, and /bin/false cannot import them')
  expect(said).not.toContain('close timed out')
})
