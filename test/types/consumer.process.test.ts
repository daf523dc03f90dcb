import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aPackedProject, type PackedProject } from '../support/packed.ts'
import { doors } from './surface.ts'

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  skipLibCheck: false,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
}
const NODENEXT = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }
const NODE16 = { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 }
const BUNDLER = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }

const EXTENSIONS = ['mts', 'cts'] as const

type Extension = (typeof EXTENSIONS)[number]

/** The errors of the ES modules, with those of the libraries, and of the CommonJS programs. */
type Compiled = Readonly<Record<Extension, readonly ts.Diagnostic[]>>

const ADD = "defineTask({ name: 'add', run: ({ x, y }: { x: number; y: number }) => x + y })"

/** Of each entry point a program that exports what it makes, and what that prints. */
const PROGRAMS: Readonly<Record<string, readonly [code: string, printed: string]>> = {
  twq: [
    `import { chain, createClient, defineConfig, defineTask, group, signature, type TaskHandle } from 'twq'
    export const add = ${ADD}
    export const flow = chain(signature(add, { x: 1, y: 2 }), group(signature(add, { y: 3 }), signature('echo')))
    export const config = defineConfig({ tasks: [add], queues: ['a'], routes: { 'a.*': 'a' } })
    export const open = () => createClient({ queue: 'a' })
    export const send = (client: ReturnType<typeof open>) => client.send(add, { x: 1, y: 2 })
    export const typed: (client: ReturnType<typeof open>) => Promise<TaskHandle<number>> = send
    export const run = (client: ReturnType<typeof open>) => client.send(flow)
    console.log(add.name, flow.task)`,
    'add celery.chain',
  ],
  'twq/client': [
    `import { createClient, type Outgoing, TwqError } from 'twq/client'
    export const client = createClient()
    export const message: Outgoing = client.encode('add', [1, 2])
    export const wrong = (): string => {
      try {
        client.encode('add', [1], { queue: '' })
        return 'fine'
      } catch (error) {
        return TwqError.is(error, 'TWQ_ARGUMENTS') ? error.code : 'unknown'
      }
    }
    console.log(message.route.routingKey, wrong())`,
    'celery TWQ_ARGUMENTS',
  ],
  'twq/current': [
    `import { defineTask } from 'twq'
    import { currentTask } from 'twq/current'
    import { runTask } from 'twq/testing'
    const label = (): string => currentTask()?.id ?? 'none'
    export const named = defineTask({ name: 'named', run: label })
    void runTask(named, {}, { id: 'a1' }).then((run) => console.log(label(), run.kind === 'succeeded' && run.result))`,
    'none a1',
  ],
  'twq/devbroker': [
    `import { startDevBroker } from 'twq/devbroker'
    export const started = startDevBroker()
    void started.then(async (broker) => {
      console.log(broker.connections, broker.host)
      await broker.stop()
    })`,
    '0 127.0.0.1',
  ],
  'twq/monitor': [
    `import { createMonitor, type Monitor, type MonitorOptions, TwqError } from 'twq/monitor'
    export const options: MonitorOptions = { authorize: () => ({ name: 'ada', rights: ['view'] }), hide: ['args'] }
    export const open = (): Monitor => createMonitor(options)
    export const wrong = (): string => {
      try {
        createMonitor({ ...options, basePath: 'twq' })
        return 'fine'
      } catch (error) {
        return TwqError.is(error, 'TWQ_CONFIG') ? error.code : 'unknown'
      }
    }
    console.log(wrong())`,
    'TWQ_CONFIG',
  ],
  'twq/otel': [
    `import { defineConfig } from 'twq'
    import { type OpenTelemetryOptions, openTelemetry } from 'twq/otel'
    export const options: OpenTelemetryOptions = { relation: 'link' }
    export const config = defineConfig({ tasks: [], plugins: [openTelemetry(options)] })
    console.log(openTelemetry().name)`,
    'opentelemetry',
  ],
  'twq/testing': [
    `import { defineTask } from 'twq'
    import { runTask, startTestWorker } from 'twq/testing'
    export const add = ${ADD}
    export const scene = () => startTestWorker({ tasks: [add] })
    export const ran = runTask(add, { x: 1, y: 2 })
    void ran.then((run) => console.log(run.kind, run.kind === 'succeeded' && run.result))`,
    'succeeded 3',
  ],
  'twq/worker': [
    `import { defineTask } from 'twq'
    import { createWorker, type EmbeddedHealth, TwqError } from 'twq/worker'
    export const add = ${ADD}
    export const worker = createWorker({ config: { queues: ['a'] }, tasks: [add] })
    export const health: EmbeddedHealth = worker.health()
    export const started = worker.stop().then(() => worker.start())
    started.catch((error) => console.log(health.state, worker.health().state, TwqError.is(error, 'TWQ_CLOSED')))`,
    'new stopped true',
  ],
}

// The project has the API that twq/otel is for, and no ioredis. Its compiler checks the declarations of twq and of all its dependencies.
describe('a program that uses the packed package', () => {
  let project: PackedProject
  let nodenext: Compiled
  let node16: Compiled
  let bundler: Compiled
  let withoutNode: Compiled

  beforeAll(() => {
    project = aPackedProject(['@opentelemetry/api'])
    for (const [index, [code]] of Object.values(PROGRAMS).entries()) {
      for (const extension of EXTENSIONS) writeFileSync(join(project.folder, `p${index}.${extension}`), code)
    }
    bundler = compiled(BUNDLER, ['mts'])
    withoutNode = compiled({ ...NODENEXT, types: [], lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] }, ['mts'])
    node16 = compiled(NODE16, EXTENSIONS)
    // Last: what it writes is run below.
    nodenext = compiled(NODENEXT, EXTENSIONS)
  })
  afterAll(() => project[Symbol.dispose]())

  it('is there for each entry point', () => {
    expect(Object.keys(PROGRAMS).sort()).toEqual(
      doors()
        .map(([door]) => door)
        .sort(),
    )
  })

  it('compiles as an ES module, its declarations too, with moduleResolution bundler, node16 and nodenext', () => {
    expect([bundler, node16, nodenext].map(({ mts }) => mts.map(textOf))).toEqual([[], [], []])
  })

  it('runs as an ES module', () => {
    expect(printedBy('mjs')).toEqual(Object.values(PROGRAMS).map(([, printed]) => printed))
  })

  it('compiles as CommonJS where the compiler knows that Node requires ES modules, and runs', () => {
    expect(nodenext.cts.map(textOf)).toEqual([])
    expect(printedBy('cjs')).toEqual(Object.values(PROGRAMS).map(([, printed]) => printed))
  })

  it('needs neither the types of Node nor a lib for disposables, except for the monitor, which takes requests of node:http', () => {
    expect(withoutNode.mts.map(textOf)).toEqual([expect.stringMatching(/^create-monitor\.d\.ts: .*'node:http'/)])
  })

  it.each(Object.keys(PROGRAMS))(
    'is told by %s which Node it needs, on one that lacks what the package calls',
    (door) => {
      const older = ['--input-type=module', '-e', `process.getBuiltinModule = undefined; await import('${door}')`]
      const run = spawnSync(process.execPath, older, { cwd: project.folder, encoding: 'utf8' })
      expect(run.stderr).toContain(`Error: twq needs Node 20.19, 22.12 or newer, and this is ${process.versions.node}`)
    },
  )

  it('is told to import() the package as CommonJS with moduleResolution node16, which has no require of ES modules', () => {
    expect([...new Set(node16.cts.map(({ code }) => code))]).toEqual([1479])
  })

  /** Compiles the programs of these extensions at once: twq and its dependencies are read and checked once for both. */
  function compiled(resolution: ts.CompilerOptions, extensions: readonly Extension[]): Compiled {
    const files = extensions.flatMap((extension) =>
      Object.keys(PROGRAMS).map((_, index) => join(project.folder, `p${index}.${extension}`)),
    )
    const host = ts.createCompilerHost(OPTIONS)
    host.getCurrentDirectory = () => project.folder
    const program = ts.createProgram(files, { ...OPTIONS, ...resolution, declaration: true }, host)
    const checked = program.getSourceFiles().filter((file) => !isOfNodeOrCompiler(program, file))
    const found = [
      ...program.getOptionsDiagnostics(),
      ...program.getGlobalDiagnostics(),
      ...checked.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
      ...program.emit().diagnostics,
    ]
    // What is wrong elsewhere than in a CommonJS program is wrong for the ES modules, too.
    const isCommonJs = ({ file }: ts.Diagnostic): boolean => file?.fileName.endsWith('.cts') ?? false
    return { mts: found.filter((one) => !isCommonJs(one)), cts: found.filter(isCommonJs) }
  }

  function printedBy(extension: 'mjs' | 'cjs'): readonly string[] {
    return Object.keys(PROGRAMS).map((_, index) =>
      execFileSync(process.execPath, [`p${index}.${extension}`], {
        cwd: project.folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH },
      }).trim(),
    )
  }
})

function textOf({ file, messageText }: ts.Diagnostic): string {
  return `${basename(file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
}

/** TypeScript's own declarations and those of Node, which the package can't break and which take half of the time to check. */
function isOfNodeOrCompiler(program: ts.Program, file: ts.SourceFile): boolean {
  return program.isSourceFileDefaultLibrary(file) || /\/node_modules\/(@types\/node|undici-types)\//.test(file.fileName)
}
