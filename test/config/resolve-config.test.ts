import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { type OptionKey, optionKeys, options } from '../../src/config/options.ts'
import { resolveConfig, resolveWithOrigins } from '../../src/config/resolve-config.ts'
import type { ConfigSources } from '../../src/config/sources.ts'
import { TwqError } from '../../src/errors.ts'
import { plainQueue } from '../../src/protocol/queue/task-queue.ts'
import { knownResultBackends } from '../../src/results/kinds/all.ts'

const file = (content: unknown): { path: string; content: unknown } => ({
  path: `${process.cwd()}/worker.config.ts`,
  content,
})

function resolve(sources: Partial<ConfigSources> = {}): Config {
  return resolveConfig({ baseDir: '/project', resultBackends: knownResultBackends, ...sources })
}

function problemsOf(sources: Partial<ConfigSources>): TwqError {
  try {
    resolve(sources)
  } catch (error) {
    if (TwqError.is(error, 'TWQ_CONFIG')) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

describe('where values come from', () => {
  it('has a default for everything', () => {
    expect(resolve()).toMatchObject({
      broker: 'amqp://guest:guest@localhost:5672//',
      resultBackend: 'rpc://',
      resultExpires: 86_400_000,
      resultPatience: 60_000,
      tasks: [],
      queues: [plainQueue('celery')],
      knownQueues: [plainQueue('celery')],
      concurrency: 10,
      acks: 'late',
      prefetch: 10,
      heartbeat: 10_000,
      events: false,
      inheritPriority: false,
      queueCreation: 'any',
      workerEvents: true,
      eventHeartbeat: 2_000,
      unknownTask: 'quarantine',
      shutdown: { grace: 20_000, abort: 5_000 },
      logLevel: 'info',
      logFormat: 'auto',
      baseDir: '/project',
    })
  })

  it('lets a flag win over TWQ_*, that over the file, that over the environment of Celery', () => {
    const celery = { CELERY_BROKER_URL: 'amqp://celery/' }
    const twq = { ...celery, TWQ_BROKER: 'amqp://twq/' }
    const inFile = file({ broker: 'amqp://file/' })
    expect(resolve({ env: celery }).broker).toBe('amqp://celery/')
    expect(resolve({ env: celery, file: inFile }).broker).toBe('amqp://file/')
    expect(resolve({ env: twq, file: inFile }).broker).toBe('amqp://twq/')
    expect(resolve({ env: twq, file: inFile, flags: { broker: 'amqp://flag/' } }).broker).toBe('amqp://flag/')
  })

  it('remembers where each value was found', () => {
    const { origins } = resolveWithOrigins({
      baseDir: '/project',
      file: file({ acks: 'early', shutdown: { grace: '1m' } }),
      env: { TWQ_QUEUES: 'a,b', CELERY_RESULT_BACKEND: 'rpc://' },
      flags: { concurrency: '4' },
    })
    expect(Object.fromEntries(origins)).toMatchObject({
      concurrency: '--concurrency',
      queues: 'TWQ_QUEUES',
      acks: 'worker.config.ts',
      'shutdown.grace': 'worker.config.ts',
      resultBackend: 'CELERY_RESULT_BACKEND',
      'shutdown.abort': 'default',
    })
  })

  it('hears an old name of Celery with a notice, and a misspelt name of ours with another', () => {
    const { config, notices } = resolveWithOrigins({
      baseDir: '/project',
      env: { BROKER_URL: 'amqp://old/', TWQ_CONCURENCY: '3' },
    })
    expect(config.broker).toBe('amqp://old/')
    expect(notices).toEqual([
      'TWQ_CONCURENCY is not a setting and has no effect; did you mean TWQ_CONCURRENCY?',
      'BROKER_URL is an old name, heard as TWQ_BROKER; set that one instead',
    ])
  })

  it('says of a variable that begins like ours that it has no effect, also where nothing comes near', () => {
    const { notices } = resolveWithOrigins({ baseDir: '/project', env: { TWQ_POOOL: 'x', TWQ_COLOUR_OF_SKY: 'blue' } })
    expect(notices).toEqual([
      'TWQ_POOOL is not a setting and has no effect; did you mean TWQ_POOL?',
      'TWQ_COLOUR_OF_SKY is not a setting and has no effect; docs/configuration.md lists the settings',
    ])
  })

  it("says that Celery's variable is passed over for the file, which in Celery it comes before", () => {
    const env = { CELERY_BROKER_URL: 'amqp://a:secret@celery//', CELERY_RESULT_BACKEND: 'rpc://' }
    const content = { broker: 'amqp://file//', resultBackend: 'rpc://' }
    const noticesOf = (sources: Partial<ConfigSources>) => resolveWithOrigins({ baseDir: '/', env, ...sources }).notices
    expect(noticesOf({ file: file(content) })).toEqual([
      'CELERY_BROKER_URL has no effect: broker is set in worker.config.ts; remove it there, or set TWQ_BROKER',
    ])
    // Somebody has said which one he means, or the file says the same.
    expect(noticesOf({ file: file(content), flags: { broker: 'amqp://flag//' } })).toEqual([])
    expect(noticesOf({ file: file(content), env: { ...env, TWQ_BROKER: 'amqp://twq//' } })).toEqual([])
    expect(noticesOf({ file: file({ broker: 'amqp://a:secret@celery//' }) })).toEqual([])
    expect(noticesOf({})).toEqual([])
  })

  it('takes an empty variable for one that is not set', () => {
    expect(resolve({ env: { TWQ_CONCURRENCY: '', CELERY_BROKER_URL: '' } })).toMatchObject({ concurrency: 10 })
  })

  it("consumes Celery's default queue where only its environment names one", () => {
    expect(resolve({ env: { CELERY_TASK_DEFAULT_QUEUE: 'emails' } }).queues).toEqual([plainQueue('emails')])
  })

  it('gives every option a name in the environment that no other has', () => {
    const names = optionKeys.flatMap((key) => options[key].env ?? [])
    expect(new Set(names).size).toBe(names.length)
    expect(names.every((name) => name.startsWith('TWQ_'))).toBe(true)
  })

  it('accepts every default of the table in a file', () => {
    const nested: Record<string, unknown> = { shutdown: {} }
    for (const key of optionKeys) {
      const [outer, inner] = key.split('.') as [string, string?]
      if (inner === undefined) nested[outer] = options[key].default
      else (nested[outer] as Record<string, unknown>)[inner] = options[key].default
    }
    expect(resolve({ file: file(nested) })).toEqual(resolve())
  })
})

describe('values', () => {
  it.each<[OptionKey, unknown, Partial<Config>]>([
    ['concurrency', 4, { concurrency: 4, prefetch: 4 }],
    ['autoscale', '10,3', { autoscale: { max: 10, min: 3 }, concurrency: 3, prefetch: 10 }],
    ['autoscale', '3, 10', { autoscale: { max: 10, min: 3 }, concurrency: 3, prefetch: 10 }],
    ['autoscale', '5', { autoscale: { max: 5, min: 0 }, concurrency: 1, prefetch: 5 }],
    ['autoscale', { max: 4, min: 2 }, { autoscale: { max: 4, min: 2 }, concurrency: 2, prefetch: 4 }],
    ['prefetch', 7, { prefetch: 7 }],
    ['prefetchMultiplier', 3, { prefetch: 30 }],
    ['pool', 'threads', { pool: 'threads', concurrency: availableParallelism() }],
    ['pool', 'processes', { pool: 'processes', concurrency: availableParallelism() }],
    ['pool', 'solo', { pool: 'solo', concurrency: 1, prefetch: 1 }],
    ['maxMemoryPerChild', 1_000_000, { maxMemoryPerChild: 1_000_000 }],
    ['maxMemoryPerChild', '1.5GB', { maxMemoryPerChild: 1_610_612_736 }],
    ['timeLimit', 1_500, { timeLimit: 1_500, softTimeLimit: undefined }],
    ['resultBackend', 'none', { resultBackend: 'none' }],
    ['resultBackend', 'rpc', { resultBackend: 'rpc' }],
    ['resultBackend', 'rediss://:pw@h/1', { resultBackend: 'rediss://:pw@h/1' }],
    ['resultExpires', 0, { resultExpires: 0 }],
    ['heartbeat', 2_500, { heartbeat: 2_500 }],
    ['heartbeat', '1m', { heartbeat: 60_000 }],
    ['queues', ['a', 'b'], { queues: [plainQueue('a'), plainQueue('b')] }],
    ['queues', [{ name: 'a', maxPriority: 5 }], { defaultQueue: 'a' }],
    ['routes', { 'reports.*': 'reports' }, { routes: { 'reports.*': 'reports' } }],
    ['defaultPriority', 5, { defaultPriority: 5 }],
    ['nodeName', 'w1@host', { nodeName: 'w1@host' }],
    ['broker', 'pyamqp://u:p@h//;amqp://other//', { broker: 'pyamqp://u:p@h//;amqp://other//' }],
  ])('reads %s: %j in a file', (key, value, expected) => {
    expect(resolve({ file: file({ [key]: value }) })).toMatchObject(expected)
  })

  it.each<[OptionKey, string, Partial<Config>]>([
    ['concurrency', '4', { concurrency: 4 }],
    ['queues', 'a, b', { queues: [plainQueue('a'), plainQueue('b')], defaultQueue: 'a' }],
    ['routes', '{"reports.*": "reports"}', { routes: { 'reports.*': 'reports' } }],
    ['maxTasksPerChild', '100', { maxTasksPerChild: 100 }],
    ['maxMemoryPerChild', '200', { maxMemoryPerChild: 204_800 }],
    ['maxMemoryPerChild', '200MB', { maxMemoryPerChild: 209_715_200 }],
    ['softTimeLimit', '30', { softTimeLimit: 30_000 }],
    ['heartbeat', '30', { heartbeat: 30_000 }],
    ['shutdown.grace', '500ms', { shutdown: { grace: 500, abort: 5_000 } }],
    ['shutdown.abort', '2.5', { shutdown: { grace: 20_000, abort: 2_500 } }],
    ['logLevel', 'DEBUG', { logLevel: 'debug' }],
    ['events', 'true', { events: true }],
    ['inheritPriority', 'yes', { inheritPriority: true }],
    ['queueCreation', 'configured', { queueCreation: 'configured' }],
    ['workerEvents', 'no', { workerEvents: false }],
    ['eventHeartbeat', '0.5', { eventHeartbeat: 500 }],
    ['tasks', './a.ts,./b/*.ts', { tasks: ['./a.ts', './b/*.ts'] }],
  ])('reads %s=%s where it is typed: a bare number is seconds', (key, text, expected) => {
    expect(resolve({ flags: { [key]: text } })).toMatchObject(expected)
    expect(resolve({ env: { [String(options[key].env)]: text } })).toMatchObject(expected)
  })

  it.each([
    ['prefork', 'processes'],
    ['eventlet', 'async'],
    ['gevent', 'async'],
  ])("takes Celery's pool %s for %s, and says so", (word, pool) => {
    const { config, notices } = resolveWithOrigins({ flags: { pool: word }, baseDir: '/project' })
    expect(config.pool).toBe(pool)
    expect(notices).toEqual([`pool '${word}' is Celery's word for '${pool}' (from --pool)`])
  })

  it('warns of a time limit that RabbitMQ does not wait for', () => {
    const notices = (content: object) => resolveWithOrigins({ file: { path: 'w.ts', content }, baseDir: '/' }).notices
    expect(notices({ timeLimit: '31m' })).toEqual([expect.stringContaining('consumer_timeout')])
    expect(notices({ timeLimit: '30m' })).toEqual([])
    expect(notices({ timeLimit: '31m', acks: 'early' })).toEqual([])
  })

  it('says which settings the pool has no use for', () => {
    const content = { pool: 'solo', concurrency: 4, maxTasksPerChild: 10, maxMemoryPerChild: '1GB' }
    const { config, notices } = resolveWithOrigins({ file: file(content), baseDir: '/project' })
    expect(config.concurrency).toBe(1)
    expect(notices).toEqual([
      "maxTasksPerChild has no effect: pool 'solo' has neither threads nor processes",
      "maxMemoryPerChild has no effect: pool 'solo' has neither threads nor processes",
      "concurrency has no effect: pool 'solo' runs one task at a time",
    ])
  })

  it('says where autoscale leaves nothing to concurrency, and the pool nothing to autoscale', () => {
    const noticesOf = (content: object) => resolveWithOrigins({ file: file(content), baseDir: '/project' }).notices
    expect(noticesOf({ autoscale: '4,2', concurrency: 3, pool: 'threads' })).toEqual([
      'concurrency has no effect: autoscale says how many tasks run at once',
    ])
    expect(noticesOf({ autoscale: '4,2', pool: 'solo' })).toEqual([
      "autoscale has no effect: pool 'solo' runs one task at a time",
    ])
    expect(resolve({ file: file({ autoscale: '4,2', pool: 'solo' }) }).autoscale).toBeUndefined()
  })

  it('refuses a soft time limit that is longer than the hard one, wherever both come from', () => {
    const error = problemsOf({ flags: { softTimeLimit: '20' }, file: file({ timeLimit: '10s' }) })
    expect(error.message).toBe(
      'softTimeLimit must not be longer than timeLimit, got softTimeLimit 20 s (from --soft-time-limit) and timeLimit 10 s (from worker.config.ts)',
    )
    expect(resolve({ file: file({ softTimeLimit: '10s', timeLimit: '10s' }) })).toMatchObject({ timeLimit: 10_000 })
    expect(resolve({ file: file({ softTimeLimit: '10s' }) })).toMatchObject({ softTimeLimit: 10_000 })
  })

  it('never holds more messages than the protocol can count', () => {
    const content = { concurrency: 1_000, prefetchMultiplier: 1_000 }
    expect(resolve({ file: file(content) }).prefetch).toBe(65_535)
  })

  it('is frozen in depth, and leaves the tasks in it as they are', () => {
    const task = { [Symbol.for('twq.task')]: true, name: 'add' }
    const config = resolve({ file: file({ tasks: [task] }) })
    for (const part of [config, config.tasks, config.queues, config.shutdown]) expect(Object.isFrozen(part)).toBe(true)
    expect(config.tasks[0]).toBe(task)
    expect(Object.isFrozen(task)).toBe(false)
  })
})

describe('queues', () => {
  const described = { queues: ['celery', { name: 'emails', type: 'quorum', consumerPriority: 2 }, 'reports'] }
  const chosen = (sources: Partial<ConfigSources>) => {
    const { queues, knownQueues, defaultQueue } = resolve({ file: file(described), ...sources })
    return { queues: queues.map(({ name }) => name), known: knownQueues.map(({ name }) => name), defaultQueue }
  }

  it('are chosen by a flag or a variable, with the settings that the file has for them', () => {
    const { queues } = resolve({ file: file(described), flags: { queues: 'emails,other' } })
    expect(queues).toMatchObject([
      { name: 'emails', arguments: { 'x-queue-type': 'quorum' }, consumerPriority: 2 },
      plainQueue('other'),
    ])
    expect(chosen({ env: { TWQ_QUEUES: 'emails,other' } })).toEqual({
      queues: ['emails', 'other'],
      known: ['celery', 'emails', 'reports', 'other'],
      defaultQueue: 'emails',
    })
  })

  it('can be excluded, and stay known', () => {
    expect(chosen({ flags: { excludeQueues: 'celery,emails' } })).toEqual({
      queues: ['reports'],
      known: ['celery', 'emails', 'reports'],
      defaultQueue: 'reports',
    })
    expect(problemsOf({ flags: { excludeQueues: 'celery' } }).message).toBe(
      'there is no queue left to consume: all of celery are excluded',
    )
  })

  it('have all their problems told at once, each with its place, even where a flag chooses others', () => {
    const content = { queues: ['a', { name: 'b', durble: true, maxPriority: 300 }, { type: 'quorum' }] }
    const { message } = problemsOf({ file: file(content), flags: { queues: 'a' } })
    expect(message.split('\n').slice(1)).toEqual([
      '  - queues[1].durble is not a setting; did you mean durable? (from worker.config.ts)',
      '  - queues[1].maxPriority must be a whole number from 1 to 255, got 300 (from worker.config.ts)',
      '  - queues[2].name is missing (from worker.config.ts)',
    ])
  })

  it.each([
    ['ASCII', 'q'.repeat(244), 'q'.repeat(245)],
    ['of several bytes a letter', '漢'.repeat(81), '漢'.repeat(82)],
  ])('have names that leave room for their companions, %s', (_kind, fits, tooLong) => {
    const reason = 'its quarantine is called <name>.quarantine'
    expect(chosen({ flags: { queues: fits } }).queues).toEqual([fits])
    for (const sources of [
      { flags: { queues: `a,${tooLong}` } },
      { env: { TWQ_QUEUES: tooLong } },
      { file: file({ queues: ['a', tooLong] }) },
      { file: file({ queues: [{ name: tooLong }] }) },
    ]) {
      const { message } = problemsOf(sources)
      expect(message).toContain('244 bytes')
      expect(message).toContain(reason)
    }
  })

  it('have their routes checked', () => {
    const routes = { 'a.*': { queu: 'x' }, b: 7, c: { priority: 256 } }
    expect(
      problemsOf({ file: file({ routes }) })
        .message.split('\n')
        .slice(1),
    ).toEqual([
      '  - routes["a.*"].queu is not a setting; did you mean queue? (from worker.config.ts)',
      '  - routes["b"] must be a queue\'s name or a destination (from worker.config.ts)',
      '  - routes["c"].priority must be a whole number from 0 to 255 (from worker.config.ts)',
    ])
  })
})

describe('problems', () => {
  it('of a node name say what is wrong with it', () => {
    for (const sources of [{ flags: { nodeName: 'w'.repeat(300) } }, { file: file({ nodeName: 'w'.repeat(300) }) }]) {
      expect(problemsOf(sources).message).toMatch(/^nodeName can't be used: the node name .* has 30\d bytes, and 200/)
    }
    expect(problemsOf({ flags: { nodeName: 'w@%x' } }).message).toMatch(/holds %x, which stands for nothing; use %h/)
  })

  it.each<[OptionKey, unknown, string]>([
    ['broker', 'redis://localhost', 'got "redis://localhost"'],
    ['broker', 5, 'got 5'],
    ['resultBackend', 'memcached://:secret@localhost', 'got "memcached://:***@localhost"'],
    [
      'resultBackend',
      { shown: 'mine' },
      'must be the name or URL of a result backend, or in a file a backend of your own, got {"shown":"mine"}',
    ],
    ['resultPatience', '10ms', 'must be a duration of at least 1 s'],
    ['resultKeyPrefix', 'a b', 'got "a b"'],
    ['tasks', './tasks/*.ts', 'got "./tasks/*.ts"'],
    ['tasks', [3], 'got [3]'],
    ['queues', [], 'got []'],
    ['queues', ['a', 'a'], 'got ["a","a"]'],
    ['concurrency', 0, 'must be a positive whole number, got 0'],
    ['concurrency', 2.5, 'got 2.5'],
    ['concurrency', Number.NaN, 'got NaN'],
    ['concurrency', '4', 'got "4"'],
    ['concurrency', null, 'got null'],
    ['concurrency', 4n, 'got 4n'],
    ['autoscale', '0', "must be bounds like '10,3'"],
    ['autoscale', '10,3,1', 'got "10,3,1"'],
    ['autoscale', '70000,1', 'the larger one from 1 to 65535'],
    ['autoscale', 10, 'got 10'],
    ['autoscale', { max: 3, min: 4 }, 'got {"max":3,"min":4}'],
    ['autoscale', { max: 3, mni: 1 }, 'got {"max":3,"mni":1}'],
    ['acks', 'LATE', "must be 'late' or 'early', got \"LATE\""],
    ['pool', 'fibers', "must be 'async', 'threads', 'processes' or 'solo', got \"fibers\""],
    ['maxMemoryPerChild', '200', "must be a size like '200MB' or '1GB'"],
    ['timeLimit', 0, 'got 0'],
    ['prefetch', 70_000, 'must be a whole number from 1 to 65535, got 70000'],
    ['heartbeat', '10', 'must be a duration of at least 1 s'],
    ['heartbeat', 0, 'got 0'],
    ['nodeName', 'a b', 'got "a b"'],
    ['maxBodySize', -1, 'got -1'],
    ['maxResultSize', 0, 'got 0'],
    ['logLevel', () => 'info', 'got a function'],
  ])('refuses %s: %o', (key, value, expected) => {
    const { message } = problemsOf({ file: file({ [key]: value }) })
    expect(message).toContain(`${key} must be`)
    expect(message).toContain(expected)
    expect(message).toContain('(from worker.config.ts)')
  })

  it('says all of them at once, each with its source', () => {
    const { message, hint } = problemsOf({
      file: file({ acks: 'soon', quues: ['a'], shutdown: { grace: 'long', grac: 3 } }),
      env: { TWQ_CONCURRENCY: 'four' },
      flags: { eventHeartbeat: 'often' },
    })
    expect(message.split('\n')).toEqual([
      'the configuration has 6 problems:',
      '  - quues is not a setting; did you mean queues? (from worker.config.ts)',
      '  - shutdown.grac is not a setting; did you mean shutdown.grace? (from worker.config.ts)',
      '  - concurrency must be a positive whole number, got "four" (from TWQ_CONCURRENCY)',
      "  - acks must be 'late' or 'early', got \"soon\" (from worker.config.ts)",
      "  - eventHeartbeat must be a duration of at least 100 ms like '500ms', '20s' or '5m', got \"often\" (from --heartbeat-interval)",
      "  - shutdown.grace must be a duration like '500ms', '20s' or '5m', got \"long\" (from worker.config.ts)",
    ])
    expect(hint).toMatch(/^docs\/configuration\.md lists the settings/)
  })

  it.each([
    ['brokr', 'broker'],
    ['log_format', 'logFormat'],
    ['logformat', 'logFormat'],
    ['Queues', 'queues'],
  ])('asks whether %s was meant as %s', (written, meant) => {
    expect(problemsOf({ file: file({ [written]: 1 }) }).message).toContain(`did you mean ${meant}?`)
  })

  it('says of a single value what to do, and what the default is', () => {
    expect(problemsOf({ env: { TWQ_CONCURRENCY: 'x' } }).hint).toBe(
      'Correct TWQ_CONCURRENCY, or remove it to use the default, 10; threads, processes: the processors.',
    )
  })

  it('leaves to Python a variable that Python may need as it is', () => {
    const resultBackends = { expected: "'rpc://'", accepts: (text: string) => text === 'rpc://' }
    expect(problemsOf({ env: { CELERY_RESULT_BACKEND: 'django-db' }, resultBackends })).toMatchObject({
      message: 'resultBackend must be \'rpc://\', got "django-db" (from CELERY_RESULT_BACKEND)',
      hint: 'Set TWQ_RESULT_BACKEND, or resultBackend in the configuration file: both come before CELERY_RESULT_BACKEND, which Python may need as it is.',
    })
  })

  it('lists the settings where nothing comes near', () => {
    expect(problemsOf({ file: file({ zzz: 1 }) }).hint).toContain('The settings are: broker, resultBackend')
  })

  it.each([[[]], ['text'], [null], [7]])('refuses a configuration that is %j', (content) => {
    expect(problemsOf({ file: file(content) }).message).toContain('the configuration must be an object')
  })

  it('refuses a group of settings that is no object', () => {
    expect(problemsOf({ file: file({ shutdown: '20s' }) }).message).toBe(
      'shutdown must be an object, got "20s" (from worker.config.ts)',
    )
  })

  it('shows no password and no endless value', () => {
    const long = problemsOf({ file: file({ queues: 'x'.repeat(10_000) }) }).message
    expect(long.length).toBeLessThan(500)
    const { message } = problemsOf({ env: { TWQ_BROKER: 'http://me:hunter2@host' } })
    expect(message).toContain('http://me:***@host')
    expect(message).not.toContain('hunter2')
  })

  it('says nothing of a key that is undefined', () => {
    expect(resolve({ file: file({ prefetch: undefined, nonsense: undefined }) }).prefetch).toBe(10)
  })
})
