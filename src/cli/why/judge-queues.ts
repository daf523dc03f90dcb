import { closest } from '../../runtime/text/closest.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { type Evidence, type QueueEvidence, seen, type WorkerEvidence } from './evidence.ts'
import { candidate, certain, type Statement } from './statement.ts'
import { counted, runningOn, some } from './wording.ts'

/** A queue with the workers that say they consume it, and the task that is thought to go there. */
interface Place {
  readonly queue: QueueEvidence
  readonly consuming: readonly WorkerEvidence[]
  readonly others: readonly WorkerEvidence[]
  /** Undefined where only the id is known. */
  readonly name: string | undefined
  /** True where the task goes to this queue for sure: it says where such tasks go. */
  readonly known: boolean
  /** False: workers could not be asked, and so it is not known who consumes it. */
  readonly asked: boolean
  readonly vhost: string
  readonly now: number
}

/** States why a task does not run from each queue that it may be in. `known`: as in a {@link Place}. */
export function judgeQueues(evidence: Evidence, known: boolean): readonly Statement[] {
  const { asked, now } = evidence
  const workers = seen(evidence.workers) ?? []
  const route = seen(evidence.route)
  const vhost = seen(evidence.broker)?.vhost ?? ''
  const all = seen(evidence.queues) ?? []
  // Its queue is known: other queues are irrelevant.
  const queues = route === undefined ? all : all.filter(({ name }) => name === route.queue)
  return queues.flatMap((queue) => {
    const consumes = ({ queues: consumed }: WorkerEvidence): boolean => consumed.some(({ name }) => name === queue.name)
    const consuming = workers.filter(consumes)
    const others = workers.filter((worker) => !consumes(worker))
    const heard = evidence.workers.kind === 'seen'
    return judgePlace({ queue, consuming, others, name: asked.name, known, asked: heard, vhost, now })
  })
}

function judgePlace(place: Place): readonly Statement[] {
  const { queue, vhost, known } = place
  const { name, status, down, suspects } = queue
  if (down !== undefined) return [certain('queue-down', `the queue ${name} can't be reached`, [down], 'twq queue list')]
  if (status === undefined) {
    return [
      certain(
        'no-queue',
        `there is no queue ${name} on the virtual host ${vhost}: what was sent to it was lost, or went to another virtual host`,
        [`RabbitMQ knows no queue ${name} there`],
        `twq queue declare ${shellWord(name)}   (or look elsewhere: --broker)`,
      ),
    ]
  }
  return [
    ...(status.consumers === 0 ? noConsumer(place, status.messages) : crowd(place, status.messages, status.consumers)),
    ...unknownTask(place),
    ...rateLimit(place),
    ...singleActive(place, status.messages),
    ...(suspects > 0 && !known
      ? [
          candidate(
            'suspect',
            `it may be among the suspects of ${name}: messages that came back from workers that died`,
            [`${counted(suspects, 'message')} in ${name}.suspects`],
            `twq queue show ${shellWord(name)}`,
          ),
        ]
      : []),
  ]
}

function noConsumer({ queue: { name }, others, known, asked }: Place, messages: number): readonly Statement[] {
  const nodes = others.map(({ node }) => node)
  const lies = [`${counted(messages, 'message')} ready in ${name}, and no consumer`]
  const silence = asked ? ['no worker answers'] : ['workers could not be asked']
  const idle = others.length > 0 ? [`consumed by none of ${some(nodes)}, which answer`] : silence
  const evidence = [...lies, ...idle]
  const start = `twq worker start -Q ${shellWord(name)}`
  const command = others.length > 0 ? `twq worker resume ${shellWord(name)}   (or: ${start})` : start
  if (known) return [certain('no-consumer', `no worker takes tasks from ${name}`, evidence, command)]
  if (messages === 0) return []
  return [candidate('no-consumer', `it may wait in ${name}, which no worker consumes`, evidence, command)]
}

function crowd(place: Place, messages: number, consumers: number): readonly Statement[] {
  const { queue, consuming, known, asked, now } = place
  if (messages === 0) return []
  const { name } = queue
  const evidence = [`${counted(messages, 'message')} ready in ${name}, ${counted(consumers, 'consumer')}`]
  if (!asked) {
    const sentence = `${known ? 'tasks wait' : 'it may wait'} in ${name}, which has consumers`
    return [candidate('waits-in-queue', sentence, [...evidence, 'workers could not be asked'], 'twq status')]
  }
  if (consuming.length === 0) {
    return [
      candidate(
        'silent-consumer',
        `${known ? 'tasks wait' : 'it may wait'} in ${name}, whose consumers answer no remote control: they are busy in one thread, stuck, or no Celery workers`,
        evidence,
        `twq queue show ${shellWord(name)}`,
      ),
    ]
  }
  const busy = consuming.filter(({ active, slots }) => slots !== undefined && active.length >= slots)
  return [
    candidate(
      'queue-full',
      `${known ? 'tasks wait' : 'it may wait'} in ${name} behind others: ${busy.length} of ${counted(consuming.length, 'worker')} ${busy.length === 1 ? 'has' : 'have'} no free slot`,
      [...evidence, ...busy.slice(0, 3).map(({ node, active }) => `${node} runs ${runningOn(active, now)}`)],
      `twq top   (more workers: twq worker start -Q ${shellWord(name)})`,
    ),
  ]
}

/** Workers of the queue that have no such task set it aside, or drop it if they are in Python. */
function unknownTask({ name, queue, consuming, known }: Place): readonly Statement[] {
  if (name === undefined || consuming.length === 0) return []
  const told = consuming.filter(({ silentOn }) => !silentOn.includes('registered'))
  const without = told.filter(({ tasks }) => !tasks.has(name))
  if (without.length === 0) return []
  const nodes = without.map(({ node }) => node)
  const meant = closest(name, new Set(told.flatMap(({ tasks }) => [...tasks.keys()])))
  const all = without.length === told.length
  const sentence = all
    ? `no worker that consumes ${queue.name} has the task ${name}: ours set it aside, those in Python drop it`
    : `${some(nodes)} consume ${queue.name} and do not have the task ${name}: what reaches them is set aside, or dropped in Python`
  const say = all && known ? certain : candidate
  return [
    say(
      'unknown-task',
      meant === undefined || meant === name ? sentence : `${sentence}; did you mean ${meant}?`,
      nodes.slice(0, 5).map((node) => `${node} has not registered ${name}`),
      'twq inspect registered',
    ),
  ]
}

function rateLimit({ name, consuming, known }: Place): readonly Statement[] {
  if (name === undefined) return []
  const limited = consuming.filter(({ tasks }) => (tasks.get(name) ?? '') !== '')
  // Workers of twq report every task that they hold.
  const hidden = known ? limited : limited.filter(({ ours }) => !ours)
  if (hidden.length === 0) return []
  const say = known ? certain : candidate
  const nodes = hidden.map(({ node }) => node)
  return [
    say(
      'rate-limited',
      known
        ? `${name} is limited on ${some(nodes)}`
        : `${some(nodes)} may hold it for its rate limit: a worker in Python does not tell of such tasks`,
      hidden.slice(0, 5).map(({ node, tasks }) => `${node} limits ${name} to ${tasks.get(name)}`),
      `twq control rate-limit ${shellWord(name)} 0`,
    ),
  ]
}

function singleActive({ queue: { name }, consuming, known, now }: Place, messages: number): readonly Statement[] {
  const members = consuming.filter(({ queues }) => queues.some((one) => one.name === name && one.singleActiveConsumer))
  if (members.length < 2 || (messages === 0 && !known)) return []
  const busy = members.filter(({ active }) => active.length > 0)
  return [
    candidate(
      'standby',
      `${name} has a single active consumer: one of ${some(members.map(({ node }) => node))} gets its tasks, the others stand by${known ? '' : ', and it may wait for that one'}`,
      busy.length === 0
        ? [`${members.length} workers consume ${name}`]
        : busy.slice(0, 3).map(({ node, active }) => `${node} runs ${runningOn(active, now)}`),
      `twq queue show ${shellWord(name)}`,
    ),
  ]
}
