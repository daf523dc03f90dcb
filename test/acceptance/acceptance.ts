import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BROKERS, programsOf } from '../brokers/releases.ts'
import { CELERIES, python } from '../support/provision/python.ts'
import { type RabbitNode, startRabbit } from '../support/provision/rabbit.ts'
import { startCluster } from '../support/provision/rabbit-cluster.ts'
import { callFromPython } from './calls-from-python.ts'
import { weatherFaults } from './chaos/chaos.ts'
import { type Check, equal, megabytes, within } from './check.ts'
import { joinChord } from './chord.ts'
import { killBeforeDue, killWhileWaiting, waitForMany } from './delayed-tasks.ts'
import { drainWorkers } from './drained-worker.ts'
import { runFailedAgain } from './failed-tasks.ts'
import { mixedDurations, shareTasks } from './fairness.ts'
import { askForHealth } from './health.ts'
import { HOSTILE_BROKER, isWell, sendHostileMessages } from './hostile-messages.ts'
import { killTheLeader } from './killed-leader.ts'
import { killTheWorker } from './killed-worker.ts'
import { type Absence, loseTheRedis } from './lost-redis.ts'
import { leadManySchedules } from './many-schedules.ts'
import { runFleet } from './mixed-fleet.ts'
import { type Deploy, poison } from './poison-task.ts'
import { returnTasks } from './redelivery.ts'
import { restartTheBroker } from './restarted-broker.ts'
import { restartNodeByNode } from './rolling-restart.ts'
import type { Scene } from './scene.ts'
import { restartDefinitions } from './schedule-definitions.ts'
import { HEARTBEAT, keepSchedules } from './schedules.ts'
import { startUp } from './start-up.ts'

const HELP = `npm run acceptance -- [options]

Does what a user would have to believe otherwise, with a real RabbitMQ and a real Celery, and prints each figure beside its
target. Exits with 1 when one is missed.

  --line <n>   one of: 1 start-up, 2 calls from Python, 3 killed worker, 4 restarted broker, 5 hostile messages,
               fairness: two workers share tasks that are quick and slow,
               fleet: two workers in Python and two of ours on one queue,
               redis: the Redis that keeps results goes away and returns,
               drain: workers are asked to leave while tasks run,
               poison: a task kills its worker each time it starts,
               chord: a chord with results in Redis, whose workers are killed,
               failed: tasks fail and are run again by hand, while the workers and the command are killed throughout,
               cluster: a quorum queue on three nodes, the leading one of which is killed,
               health: probes of a worker whose broker goes away, and how long commands take that ask,
               delays: 100,000 tasks that are not due, and workers killed while 10,000 wait,
               rolling: three nodes of a broker are restarted one after the other under load; not among those that run by default,
               redelivery: tasks wait for their rate limit, their eta or a retry through 30 kills of the worker and 30 cuts, and
               one runs longer than the consumer timeout; not among those that run by default,
               schedules: an entry is due each second for 300 s: its leaders are killed and frozen, the broker restarted; not among
               those that run by default,
               definitions: workers with two definitions of one schedule are started again for 60 s; not among those that run by
               default,
               many-schedules: what 10,000 entries cost, and how late 50 are sent that are due each second; not among those that
               run by default,
               chaos: 17 faults of workers, broker, network and Redis under load; not among those that run by default
  --tasks <n>  how many tasks the faults of chaos meet, on a classic and on a quorum queue each (50,000)
  --type <t>   only on a queue of this type, classic or quorum
  --seconds <n> how long an entry is due each second (300), each measure of many-schedules is taken (60), and definitions goes on (60)
  --rounds <n> how often a worker is asked to leave with as many tasks (20)
  --rabbitmq <v> on RabbitMQ ${Object.keys(BROKERS).join(' or ')} instead of the machine's own, with the Celery beside it; needs root and debootstrap
  --celery <v> the Celery that takes part, ${CELERIES.join(' or ')} (${CELERIES[0]})
`

type Stage = Scene & { readonly node: RabbitNode }

const LINES: Readonly<Record<string, (stage: Stage) => AsyncIterable<Check>>> = {
  1: startingUp,
  2: callingFromPython,
  3: killingTheWorker,
  4: restartingTheBroker,
  5: receivingHostileMessages,
  fairness: sharingTasks,
  fleet: runningAFleet,
  redis: losingTheRedis,
  drain: drainingWorkers,
  poison: poisoningTheQueue,
  chord: joiningAChord,
  failed: runningFailedAgain,
  cluster: killingTheLeader,
  health: askingForHealth,
  delays: waitingForTheirTime,
  rolling: restartingNodeByNode,
  redelivery: returnTasks,
  schedules: keepingSchedules,
  'many-schedules': leadingManySchedules,
  definitions: restartingDefinitions,
  chaos: weatheringFaults,
}

/** These take long: only when asked for. */
const NOT_BY_DEFAULT: ReadonlySet<string> = new Set([
  'rolling',
  'redelivery',
  'schedules',
  'many-schedules',
  'definitions',
  'chaos',
])

const { values } = parseArgs({
  options: {
    line: { type: 'string' },
    rounds: { type: 'string', default: '20' },
    tasks: { type: 'string', default: '50000' },
    type: { type: 'string' },
    seconds: { type: 'string' },
    rabbitmq: { type: 'string' },
    celery: { type: 'string', default: CELERIES[0] },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(HELP)
// Nothing that is left over keeps it from ending.
else
  process.exit(
    await acceptance(values.line ? [values.line] : Object.keys(LINES).filter((line) => !NOT_BY_DEFAULT.has(line))),
  )

async function acceptance(numbers: readonly string[]): Promise<number> {
  const release = CELERIES.find((one) => one === values.celery)
  if (release === undefined) throw new Error(`--celery ${values.celery}: there are ${CELERIES.join(', ')}`)
  if (values.rabbitmq !== undefined) process.env.TWQ_TEST_RABBITMQ = await programsOf(values.rabbitmq, '--rabbitmq')
  const folder = await mkdtemp(join(tmpdir(), 'twq-acceptance-'))
  await using node = await startRabbit({ config: HOSTILE_BROKER })
  const stage: Stage = { node, url: node.url(), folder, python: await python(release) }
  process.stdout.write(`with Celery ${stage.python.celeryVersion}\n`)
  let missed = 0
  for (const number of numbers) {
    const line = LINES[number]
    if (line === undefined) throw new Error(`--line ${number}: there are ${Object.keys(LINES).join(', ')}`)
    for await (const { what, figure, target, ok } of line(stage)) {
      process.stdout.write(`line ${number}: ${what} … ${figure} (${target}) ${ok ? 'ok' : 'MISSED'}\n`)
      if (!ok) missed += 1
    }
  }
  // What was missed can be looked into.
  if (missed === 0) await rm(folder, { recursive: true })
  else process.stdout.write(`${missed} missed; logs and ledgers are in ${folder}\n`)
  return missed === 0 ? 0 : 1
}

async function* startingUp({ node, folder }: Stage): AsyncIterable<Check> {
  const { afterCommand, afterBroker } = await startUp(node, folder)
  yield within('ready after npx twq worker start, the broker running', afterCommand, 2000)
  yield within('ready after a broker that came later answered', afterBroker, 2000)
}

async function* callingFromPython(stage: Stage): AsyncIterable<Check> {
  const steps = 5
  const { welcome, failure, surplus, states } = await callFromPython(stage, { steps })
  yield equal("send_task('send_welcome_email', args=[42]).get()", 'value' in welcome ? 'returned' : welcome, 'returned')
  const raised = { raised: 'ValueError', module: 'builtins', args: ['no such user'] }
  yield equal('a task that throws raises in Python', failure, raised)
  yield equal('a surplus argument raises in Python', 'raised' in surplus ? surplus.raised : surplus, 'TypeError')
  const expected = [...Array(steps).fill('PROGRESS'), 'SUCCESS'].join(' ')
  yield equal(`process.delay(${steps})`, states.map(([state]) => state).join(' '), expected)
}

async function* runningFailedAgain(stage: Stage): AsyncIterable<Check> {
  for (const type of ['classic', 'quorum'] as const) {
    const sizes = { tasks: 1_000, failing: 100, workerKills: 10, commandKills: 10 }
    const { listed, wrong, verdict, unexplained, again, left, lost } = await runFailedAgain(stage, { type, ...sizes })
    yield equal(`${type}: of 1,000 tasks of which 100 fail, the worker killed 10 times, ended or are kept`, lost, 0)
    yield equal(`${type}: failures that are listed, each once`, listed, 100)
    yield equal(`${type}: failures with another error than their own`, wrong, 0)
    yield equal(`${type}: run again, the command and the worker killed 10 times each, ran`, verdict.ran, 100)
    yield equal(`${type}: of ${again} that ran twice, neither redelivered nor listed after a kill`, unexplained, 0)
    yield equal(`${type}: messages left`, left, 0)
  }
}

async function* killingTheWorker(stage: Stage): AsyncIterable<Check> {
  const tasks = 10_000
  const report = await killTheWorker(stage, { tasks, kills: 2 })
  const { verdict, interrupted, mostInterrupted, workers, left } = report
  yield equal('of 10,000 tasks from Python, the worker killed twice, ran', verdict.ran, tasks)
  yield equal('workers that ran them', workers, 3)
  yield {
    what: 'second starts, and those of them that were not told of the first',
    figure: `${verdict.extraStarts}, ${verdict.unexplained.length}`,
    target: 'some, 0',
    ok: verdict.extraStarts > 0 && verdict.unexplained.length === 0,
  }
  yield {
    what: 'tasks that had not ended when their worker was killed',
    figure: String(interrupted),
    target: `at most ${mostInterrupted}`,
    ok: interrupted <= mostInterrupted,
  }
  yield equal('tasks that nobody sent', verdict.phantom.length, 0)
  yield equal('messages left', left, 0)
}

async function* restartingTheBroker({ node, folder }: Stage): AsyncIterable<Check> {
  const tasks = 5000
  for (let restart = 1; restart <= 10; restart += 1) {
    const { verdict, remaining, backAfter, left } = await restartTheBroker(node, { folder, tasks })
    const { ran, extraStarts, unexplained } = verdict
    yield {
      what: `restart ${restart} of 10, ${remaining} of 5,000 tasks to go: ran; second starts; untold ones; left; consuming after`,
      figure: `${ran}; ${extraStarts}; ${unexplained.length}; ${left}; ${(backAfter / 1000).toFixed(2)} s`,
      target: `${tasks}; any; 0; 0; within 3 s`,
      ok: ran === tasks && unexplained.length === 0 && left === 0 && backAfter <= 3000,
    }
  }
}

async function* receivingHostileMessages(stage: Stage): AsyncIterable<Check> {
  const { cases, running, interruptions, left } = await sendHostileMessages(stage)
  for (const hostile of cases) {
    const { name, expected, setAside, intact, state, ran, nextRan } = hostile
    const became = setAside
      ? `set aside: ${setAside.reason}, ${intact ? 'bytes intact' : 'BYTES LOST'}`
      : ran
        ? 'ran'
        : ''
    const figure = [became, state, nextRan ? '' : 'THE NEXT TASK DID NOT RUN'].filter(Boolean).join(', ')
    yield { what: name, figure: figure || 'LOST', target: expected, ok: isWell(hostile) }
  }
  yield { what: 'hostile messages', figure: String(cases.length), target: 'at least 58', ok: cases.length >= 58 }
  yield equal('the worker is up, in the same process', running, true)
  yield equal('connections and channels lost', interruptions, 0)
  yield equal('messages left', left, 0)
}

async function* sharingTasks(stage: Stage): AsyncIterable<Check> {
  for (const type of ['classic', 'quorum'] as const) {
    if (values.type === undefined || values.type === type) yield* sharingTasksOf(stage, type)
  }
}

async function* sharingTasksOf(stage: Stage, type: 'classic' | 'quorum'): AsyncIterable<Check> {
  const durations = mixedDurations(2_000)
  const fixed = await shareTasks(stage, { type, durations, flags: ['--prefetch', '10'] })
  const mixed = await shareTasks(stage, { type, durations })
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`
  yield {
    what: `${type}: the last of 2,000 tasks of 1 to 500 ms ends, beside a prefetch of 10`,
    figure: `${seconds(mixed.took)}, ${seconds(fixed.took)}`,
    target: 'at most 5 % later',
    ok: mixed.took <= 1.05 * fixed.took,
  }
  yield within(`${type}: the longest that a worker was idle`, mixed.idle, 2000)
  // Where quick ones come first, slow ones are taken ahead.
  const rush = await shareTasks(stage, { type, durations: [...Array(4_000).fill(0), ...Array(300).fill(500)] })
  yield within(`${type}: the same where 4,000 quick tasks come before 300 of 500 ms`, rush.idle, 2000)
  for (const { verdict } of [mixed, rush]) {
    const { lost, phantom, extraStarts } = verdict
    yield equal(`${type}: lost, phantom and further starts`, [lost.length, phantom.length, extraStarts], [0, 0, 0])
  }
}

async function* keepingSchedules({ node }: Stage): AsyncIterable<Check> {
  for (const type of ['classic', 'quorum'] as const) {
    if (values.type !== undefined && values.type !== type) continue
    const report = await keepSchedules(node, { type, seconds: Number(values.seconds ?? 300) })
    const { due, missing, foreign, repeated, gaps, mostAfterGap, kills, afterKill, afterFreeze } = report
    yield equal(`${type}: of ${due} due times, ${kills} kills, without a run`, missing.length, 0)
    yield equal(`${type}: runs under another id than that of a due time`, foreign, 0)
    yield { what: `${type}: runs under an id once more`, figure: String(repeated), target: 'any', ok: true }
    yield {
      what: `${type}: with catchUp 'last', sent after one of ${gaps} gaps`,
      figure: `at most ${mostAfterGap}`,
      target: 'at most 1',
      ok: gaps > 0 && mostAfterGap === 1,
    }
    yield within(`${type}: another leader after a kill`, afterKill, 2_000)
    yield within(`${type}: another leader after a freeze`, afterFreeze, 3 * HEARTBEAT)
  }
}

async function* leadingManySchedules({ node }: Stage): AsyncIterable<Check> {
  for (const type of ['classic', 'quorum'] as const) {
    if (values.type !== undefined && values.type !== type) continue
    const report = await leadManySchedules(node, { type, seconds: Number(values.seconds ?? 60) })
    const { idle, busy, sent, missing, p50, p99, longest, stateBytes } = report
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
    yield { what: `${type}: of a core, none due`, figure: percent(idle), target: 'below 2 %', ok: idle < 0.02 }
    yield {
      what: `${type}: of a core, 50 due each second`,
      figure: percent(busy),
      target: 'below 10 %',
      ok: busy < 0.1,
    }
    yield equal(`${type}: of ${sent + missing} due times, not sent`, missing, 0)
    yield within(`${type}: from the due time to a consumer, 99 of 100`, p99, 200)
    yield { what: `${type}: half of them; the longest`, figure: `${p50} ms; ${longest} ms`, target: 'any', ok: true }
    const kilobytes = `${Math.round(stateBytes / 1_000)} kB`
    yield { what: `${type}: 1,000 entries set`, figure: kilobytes, target: 'below 1 MB', ok: stateBytes < 1_000_000 }
  }
}

async function* restartingDefinitions({ node }: Stage): AsyncIterable<Check> {
  for (const type of ['classic', 'quorum'] as const) {
    if (values.type !== undefined && values.type !== type) continue
    const report = await restartDefinitions(node, { type, seconds: Number(values.seconds ?? 60) })
    const { restarts, after } = report
    const what = `${type}: ${restarts.old} and ${restarts.new} restarts of the older and the newer definition`
    yield equal(`${what}, runs of the older one once the newer was known`, after.old, 0)
    yield { what: `${type}: runs of the newer one`, figure: String(after.new), target: 'some', ok: after.new > 1 }
  }
}

async function* runningAFleet(stage: Stage): AsyncIterable<Check> {
  const tasks = 5000
  const { sent, succeeded, incomplete, phantom, surplus, shares, dropped, left } = await runFleet(stage, { tasks })
  yield equal('tasks sent, half from Python and half from TypeScript', sent, tasks)
  yield equal('of them, ended well by their events', succeeded, tasks)
  yield equal('tasks of which an event is missing', incomplete.length, 0)
  yield equal('events twice, and of tasks that nobody sent', surplus + phantom, 0)
  yield equal('events that were dropped', dropped, 0)
  yield equal('messages left', left, 0)
  const figure = Object.entries(shares).map(([node, share]) => `${node} ${share}`)
  yield { what: 'who ran them', figure: figure.sort().join(', '), target: 'all four', ok: figure.length === 4 }
}

async function* losingTheRedis(stage: Stage): AsyncIterable<Check> {
  const [tasks, seconds] = [2000, 20]
  const absences: readonly Absence[] = ['stopped', 'frozen']
  for (const absence of absences) {
    const { verdict, remaining, results, backAfter, left } = await loseTheRedis(stage, { absence, tasks, seconds })
    const { ran, extraStarts, unexplained } = verdict
    const { right, wrong } = results
    yield {
      what: `Redis ${absence} for ${seconds} s, ${remaining} of 2,000 tasks to go: right results; wrong; ran; second starts; untold ones; left; going on after`,
      figure: `${right}; ${wrong}; ${ran}; ${extraStarts}; ${unexplained.length}; ${left}; ${(backAfter / 1000).toFixed(2)} s`,
      target: `${tasks}; 0; ${tasks}; any; 0; 0; any`,
      ok: remaining > 0 && right === tasks && ran === tasks && unexplained.length === 0 && left === 0,
    }
  }
}

async function* drainingWorkers(stage: Stage): AsyncIterable<Check> {
  const rounds = Number(values.rounds)
  for (const running of [1, 20, 200]) {
    const { verdict, exits, overheads, left } = await drainWorkers(stage, { signal: 'SIGTERM', running, rounds })
    const { lost, extraStarts } = verdict
    const unclean = exits.filter((exit) => exit !== 0).length
    const [median, worst] = [overheads.toSorted((a, b) => a - b)[rounds >> 1], Math.max(...overheads)]
    yield {
      what: `SIGTERM with ${running} running, ${rounds} times: lost; duplicated; exits other than 0; left; longer than the longest task, median and worst`,
      figure: `${lost.length}; ${extraStarts}; ${unclean}; ${left}; ${median} ms, ${worst} ms`,
      target: '0; 0; 0; 0; any, at most 250 ms',
      ok: lost.length === 0 && extraStarts === 0 && unclean === 0 && left === 0 && worst <= 250,
    }
  }
  const { verdict, exits, left } = await drainWorkers(stage, { signal: 'SIGQUIT', running: 20, rounds })
  const { lost, extraStarts, unexplained } = verdict
  yield {
    what: `SIGQUIT with 20 running, ${rounds} times: lost; second starts; untold ones; left; exits`,
    figure: `${lost.length}; ${extraStarts}; ${unexplained.length}; ${left}; ${[...new Set(exits)].join(', ')}`,
    target: '0; any; 0; 0; any',
    ok: lost.length === 0 && unexplained.length === 0 && left === 0,
  }
}

async function* poisoningTheQueue(stage: Stage): AsyncIterable<Check> {
  const neighbours = 1000
  const rollout: readonly Deploy[] = ['SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM']
  for (const type of ['classic', 'quorum'] as const) {
    for (const deploys of [[], rollout]) {
      const { starts, deaths, poisonSetAside, neighboursSetAside, lost, left } = await poison(stage, {
        type,
        neighbours,
        deploys,
      })
      yield {
        what: `${type} queue, ${deploys.length} deploys: starts of the task; workers it killed; times in quarantine; neighbours there; lost ones; left`,
        figure: `${starts}; ${deaths}; ${poisonSetAside.length}; ${neighboursSetAside.length}; ${lost}; ${left}`,
        target: 'at most 3; any; 1; 0; 0; 0',
        ok: starts <= 3 && poisonSetAside.length === 1 && neighboursSetAside.length === 0 && lost === 0 && left === 0,
      }
    }
  }
}

async function* joiningAChord(stage: Stage): AsyncIterable<Check> {
  const tasks = 1000
  const { joined, bodies, extraStarts, results, otherKeys, left } = await joinChord(stage, { tasks })
  yield equal('results that the body of a chord got, two workers killed', joined, tasks)
  yield equal('starts of the body', bodies, 1)
  yield { what: 'second starts of its tasks', figure: String(extraStarts), target: 'some', ok: extraStarts > 0 }
  yield equal('results in Redis', results, tasks + 1)
  yield equal('other keys left there', otherKeys, [])
  yield equal('messages left', left, 0)
}

async function* killingTheLeader({ folder }: Stage): AsyncIterable<Check> {
  const tasks = 5000
  await using cluster = await startCluster()
  const report = await killTheLeader(cluster, { folder, tasks })
  const { verdict, remaining, inFlight, results, unsent, gap, pings, members, exits, left } = report
  const { sent, ran, lost, extraStarts, unexplained } = verdict
  yield {
    what: `leader of three killed, ${remaining} of 5,000 tasks to go, 500 more once it is back: lost; second starts; untold ones; left; sends refused`,
    figure: `${lost.length} of ${sent}, ${ran} ran; ${extraStarts}; ${unexplained.length}; ${left}; ${unsent}`,
    target: `0; at most the ${inFlight} in flight; 0; 0; 0`,
    ok:
      [lost.length, unexplained.length, left, unsent].every((count) => count === 0) &&
      extraStarts <= inFlight &&
      remaining > 0,
  }
  yield {
    what: 'results that the client got; could not get, and was told why; heard nothing of',
    figure: `${results.right}; ${results.told}; ${results.missing}`,
    target: 'all; any; 0',
    ok: results.missing === 0 && results.right + results.told === sent,
  }
  yield within('no task started for', gap, 10_000)
  yield equal('workers that answer a ping while the node is away, and once it is back', pings, [2, 2])
  yield equal('members of the queue in the end', members, 3)
  yield equal('exits of the workers', exits, [0, 0])
}

async function* restartingNodeByNode({ folder }: Stage): AsyncIterable<Check> {
  await using cluster = await startCluster()
  const { verdict, unsent, slowestSend, gaps, exits, left } = await restartNodeByNode(cluster, { folder })
  const { sent, lost, extraStarts, unexplained } = verdict
  yield {
    what: 'three nodes restarted one after the other: lost; second starts; untold ones; left; sends refused; slowest send',
    figure: `${lost.length} of ${sent}; ${extraStarts}; ${unexplained.length}; ${left}; ${unsent}; ${slowestSend} ms`,
    target: '0; any; 0; 0; 0; any',
    ok: [lost.length, unexplained.length, left, unsent].every((count) => count === 0),
  }
  for (const [index, gap] of gaps.entries()) yield within(`no task started for, node ${index + 1} of 3`, gap, 10_000)
  yield equal('exits of the workers', exits, [0, 0])
}

async function* askingForHealth(stage: Stage): AsyncIterable<Check> {
  const heartbeat = 2000
  const { turns, commands, exits } = await askForHealth(stage, { heartbeat, rounds: 11 })
  for (const [fault, { unreadyAfter, readyAfter }] of Object.entries(turns)) {
    yield {
      what: `broker ${fault}, heartbeat ${heartbeat / 1000} s: not ready after; ready again after its return`,
      figure: `${(unreadyAfter / 1000).toFixed(2)} s; ${(readyAfter / 1000).toFixed(2)} s`,
      target: `within ${heartbeat / 1000 + 1} s; any`,
      ok: unreadyAfter <= heartbeat + 1000,
    }
  }
  yield within(`twq worker health --ready, where node alone takes ${commands.node.toFixed(0)} ms`, commands.health, 250)
  yield within('twq inspect ping', commands.ping, 350)
  yield equal('what they ended with', exits, [0])
}

async function* waitingForTheirTime({ node, folder }: Stage): AsyncIterable<Check> {
  // What waits with the broker is counted: each scenario has a virtual host of its own.
  const place = async (name: string) => {
    await node.addVhosts([name])
    return { url: node.url(name), folder }
  }
  const tasks = 10_000
  const { kept, copies } = await killWhileWaiting(await place('delays-killed'), { tasks })
  yield equal('of 10,000 tasks due in an hour, their worker killed, there are', kept, tasks)
  yield { what: 'second copies of them', figure: String(copies), target: 'at most 1000', ok: copies <= 1000 }
  for (const where of ['worker', 'broker'] as const) {
    const scene = await place(`delays-due-${where}`)
    const { verdict, early, left } = await killBeforeDue(scene, { tasks, delay: 60_000, where })
    const { lost, ran, extraStarts } = verdict
    yield {
      what: `10,000 tasks due in a minute that wait with the ${where}, the worker killed: ran; lost; second starts; early ones; left`,
      figure: `${ran}; ${lost.length}; ${extraStarts}; ${early}; ${left}`,
      target: `${tasks}; 0; any; 0; 0`,
      ok: ran === tasks && lost.length === 0 && early === 0 && left === 0,
    }
  }
  for (const [where, most] of [
    ['broker', 100_000],
    ['worker', 10_000],
  ] as const) {
    const scene = await place(`delays-many-${where}`)
    const { held, delayed, peak, growth, before, beside } = await waitForMany(scene, { tasks: most, where })
    yield {
      what: `${most} tasks due in an hour: held; with the broker; the worker grew by, at the peak and in the end`,
      figure: `${held}; ${delayed}; ${megabytes(peak)}, ${megabytes(growth)}`,
      target: where === 'broker' ? `0; ${most}; less than 100 MB` : `${most}; 0; less than 100 MB`,
      ok: (where === 'broker' ? delayed : held) === most && Math.max(peak, growth) < 100 * 2 ** 20,
    }
    yield {
      what: 'ordinary tasks a second before, and beside them',
      figure: `${before}, ${beside}: ${Math.round((100 * beside) / before)} %`,
      target: 'at least 80 %',
      ok: beside >= 0.8 * before,
    }
  }
}

async function* weatheringFaults({ folder }: Stage): AsyncIterable<Check> {
  const tasks = Number(values.tasks)
  if (!Number.isSafeInteger(tasks) || tasks < 1000) throw new Error(`--tasks ${values.tasks}: at least 1000`)
  const types = (['classic', 'quorum'] as const).filter((type) => values.type === undefined || values.type === type)
  for (const type of types) {
    const tell = (line: string) => void process.stdout.write(`${line}\n`)
    const report = await weatherFaults({ folder }, { tasks, type, tell })
    const { sent, lost, phantom, faults, unexplained, invented, blocked, exits, left } = report
    for (const { name, returned, sentAgain, recovered } of faults) {
      yield {
        what: `${type} queue, ${name}: second starts of messages that came back, and that the producer sent again; all run after`,
        figure: `${returned}, ${sentAgain}; ${(recovered / 1000).toFixed(1)} s`,
        target: 'any; any',
        ok: true,
      }
    }
    const duplicates = faults.reduce((sum, { returned, sentAgain }) => sum + returned + sentAgain, unexplained.length)
    yield {
      what: `${type} queue, ${faults.length} faults: lost; second starts; of them unexplained; never sent; left; exits`,
      figure: `${lost.length} of ${sent}; ${duplicates}; ${unexplained.length}; ${phantom}; ${left}; ${exits.join(' ')}`,
      target: '0; any; 0; 0; 0; 0 0 0',
      ok: [lost.length, unexplained.length, phantom, left, ...exits].every((count) => count === 0),
    }
    // As many are in flight at each fault however many there are: of few tasks that is a larger part.
    const isFew = tasks < 10_000
    yield {
      what: `${type} queue, second starts invented for tasks that ran once; of them explained`,
      figure: `${invented.invented}; ${invented.explained}`,
      target: isFew ? 'any; any below 10,000 tasks' : 'any; at most one in ten',
      ok: isFew || invented.explained <= invented.invented / 10,
    }
    // A worker behind its proxy would lose its connection for no other reason.
    yield within(`${type} queue, this program was blocked`, blocked, 2500)
  }
}
