import { expect, it } from 'vitest'
import { startDevBroker } from '../../../src/devbroker.ts'
import { aProject } from '../../support/a-project.ts'
import { runTwq } from '../../support/run-twq.ts'

const CONFIG = `
  import { defineConfig, defineTask } from 'twq'

  const opens = {
    name: 'opens',
    start: ({ role }) => {
      console.error(role + ' opened')
      return () => console.error(role + ' closed')
    },
  }
  export default defineConfig({ tasks: ['./tasks.ts'], plugins: [opens], concurrency: 1 })
`
const TASKS = "import { defineTask } from 'twq'\nexport const work = defineTask({ name: 'work', run: () => 1 })\n"

it.each(['async', 'processes'])(
  'a worker that the broker refuses stops the plugins that it has started, with the pool %s',
  async (pool) => {
    const broker = await startDevBroker()
    using project = aProject({ 'worker.config.ts': CONFIG, 'tasks.ts': TASKS })
    const url = broker.url.replace('guest:guest', 'guest:wrong')
    const { status, stderr } = await runTwq(['worker', 'start', '--broker', url, '--pool', pool], {
      cwd: project.folder,
    })
    await broker.stop()
    expect(status).toBe(78)
    expect(stderr).toContain('TWQ_BROKER_AUTH')
    expect(stderr.match(/^worker (opened|closed)$/gm)).toEqual(['worker opened', 'worker closed'])
    const ofMembers = stderr.match(/^member (opened|closed)$/gm) ?? []
    expect(ofMembers.filter((line) => line.endsWith('opened'))).toHaveLength(ofMembers.length / 2)
  },
)
