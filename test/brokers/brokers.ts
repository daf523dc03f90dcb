import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { filesForBrokers } from './files.ts'
import { BROKERS, programsOf } from './releases.ts'

const PROJECT = join(import.meta.dirname, '../..')

const HELP = `npm run test:brokers -- [options] [files]

Runs live tests on RabbitMQ ${Object.keys(BROKERS).join(' and ')}, with the Celery and the Redis that Debian has beside them: all
that touch queues, consumers, limits, clusters, remote control and results, or the files given. \`npm test\` runs everything on
the RabbitMQ of this machine.

  --only <version>   on one of them
  --reports <folder> writes Vitest's JSON reports there, as brokers-<version>.json
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, reports: { type: 'string' }, help: { type: 'boolean', default: false } },
})
if (values.help) process.stdout.write(HELP)
else {
  process.exitCode = await testBrokers(values.only ? [values.only] : Object.keys(BROKERS), positionals).catch(
    (error: Error) => {
      console.error(error.message)
      return 1
    },
  )
}

/** 1 when a test failed. */
async function testBrokers(versions: readonly string[], files: readonly string[]): Promise<number> {
  // One after the other: each takes all the processors there are.
  let failed = 0
  for (const version of versions) {
    const programs = await programsOf(version, '--only')
    console.log(`\nRabbitMQ ${version}, of Debian ${BROKERS[version]}`)
    failed += await vitest(version, programs, files.length > 0 ? files : filesForBrokers(PROJECT, version))
  }
  return failed === 0 ? 0 : 1
}

/** Its exit status. */
async function vitest(version: string, programs: string, files: readonly string[]): Promise<number> {
  const report = values.reports && join(values.reports, `brokers-${version}.json`)
  const reporters = report ? ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`] : []
  const run = spawn(
    process.execPath,
    [join(PROJECT, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'live', ...reporters, ...files],
    { cwd: PROJECT, stdio: 'inherit', env: { ...process.env, TWQ_TEST_RABBITMQ: programs } },
  )
  const [code] = await once(run, 'exit')
  return code ?? 1
}
