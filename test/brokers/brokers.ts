import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { filesForBrokers } from './files.ts'
import { BROKERS, programsOf } from './releases.ts'

const PROJECT = join(import.meta.dirname, '../..')

const HELP = `npm run test:brokers -- [options] [files]

Runs live tests on RabbitMQ ${Object.keys(BROKERS).join(' and ')}, with the Celery and the Redis that Debian has beside them: all
that touch queues, consumers, limits, clusters, remote control and results, or the files given. \`npm test\` runs everything on
the RabbitMQ of this machine.

  --only <version>   on one of them
  --prepare          only makes the folders of their programs, where there are none yet
  --reports <folder> writes Vitest's JSON reports there, as brokers-<version>.json
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    reports: { type: 'string' },
    prepare: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(HELP)
else {
  const versions = values.only ? [values.only] : Object.keys(BROKERS)
  process.exitCode = await (values.prepare ? prepare(versions) : testBrokers(versions, positionals)).catch(
    (error: Error) => {
      console.error(error.message)
      return 1
    },
  )
}

async function prepare(versions: readonly string[]): Promise<number> {
  for (const version of versions) console.log(`RabbitMQ ${version}: ${await programsOf(version, '--only')}`)
  return 0
}

/** 1 when a test failed. */
async function testBrokers(versions: readonly string[], files: readonly string[]): Promise<number> {
  // Side by side: where the tests of one wait for a cluster or a time, those of another go on.
  const runs: Promise<number>[] = []
  for (const version of versions) {
    const programs = await programsOf(version, '--only')
    console.log(`\nRabbitMQ ${version}, of Debian ${BROKERS[version]}`)
    runs.push(
      vitest(version, programs, files.length > 0 ? files : filesForBrokers(PROJECT, version), versions.length > 1),
    )
  }
  return (await Promise.all(runs)).every((code) => code === 0) ? 0 : 1
}

/** Its exit status. One that is not alone has fewer workers, and its version before each of its lines. */
async function vitest(version: string, programs: string, files: readonly string[], beside: boolean): Promise<number> {
  const report = values.reports && join(values.reports, `brokers-${version}.json`)
  const reporters = report ? ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`] : []
  const run = spawn(
    process.execPath,
    [join(PROJECT, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'live', ...reporters, ...files],
    {
      cwd: PROJECT,
      stdio: beside ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      env: { ...process.env, TWQ_TEST_RABBITMQ: programs, ...(beside && { VITEST_MAX_WORKERS: '2' }) },
    },
  )
  for (const output of [run.stdout, run.stderr]) {
    if (output) createInterface({ input: output }).on('line', (line) => console.log(`${version}  ${line}`))
  }
  const [code] = await once(run, 'close')
  return code ?? 1
}
