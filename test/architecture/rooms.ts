import { posix } from 'node:path'
import type { Import } from './imports.ts'

/**
 * The rooms of a folder of src, and which of the others each may import. `.` is what lies in the folder itself. A folder
 * that is not named here has no rooms that know each other.
 */
export const arrows: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  runtime: {
    log: ['.', 'text'],
    process: ['log', 'text', 'time'],
  },
  protocol: {
    headers: ['.'],
    queue: ['.'],
    result: ['.'],
    chord: ['.'],
    task: ['.', 'headers', 'chord'],
    remote: ['.'],
  },
  tasks: { attempt: ['.'] },
  pool: { kinds: ['.'] },
  broker: {
    amqp: ['.'],
    channels: ['.'],
    memory: ['.', 'amqp'],
    publishing: ['.'],
  },
  results: {
    rpc: ['.'],
    redis: ['.'],
    kinds: ['.', 'rpc', 'redis'],
  },
  schedules: {
    entries: ['times'],
    state: ['entries', 'times'],
    leader: ['entries', 'times', 'state'],
    '.': ['entries', 'state', 'leader'],
  },
  control: { commands: ['.'] },
  config: { '.': ['options'] },
  // Along the way of a message: the later room knows the earlier ones.
  worker: {
    request: ['quarantine'],
    waiting: ['quarantine', 'request'],
    consume: ['request'],
    'follow-ups': ['quarantine', 'request'],
    settle: ['quarantine', 'request', 'waiting', 'follow-ups'],
    run: ['quarantine', 'request', 'waiting', 'follow-ups', 'settle'],
    intake: ['quarantine', 'request', 'waiting', 'consume', 'settle', 'run'],
    remote: ['request', 'waiting', 'consume', 'run'],
    lifecycle: ['quarantine', 'request', 'waiting', 'consume', 'follow-ups', 'settle', 'run', 'intake', 'remote'],
    '.': [
      'quarantine',
      'request',
      'waiting',
      'consume',
      'follow-ups',
      'settle',
      'run',
      'intake',
      'remote',
      'lifecycle',
    ],
  },
  // From events to pages: what shows a state knows what keeps it, and the page knows no more than the answers it gets.
  monitor: {
    store: ['answers'],
    feed: ['answers', 'store'],
    auth: ['answers'],
    actions: ['answers', 'store'],
    archive: ['answers', 'store', 'feed', 'actions'],
    api: ['answers', 'store', 'feed', 'auth', 'actions', 'archive'],
    page: ['answers'],
    '.': ['answers', 'store', 'feed', 'auth', 'actions', 'archive', 'api'],
  },
  // A family of commands uses another one's only where it shows the same: `twq dev` the quarantine, the doctor the queues.
  cli: {
    terminal: ['flags'],
    broker: ['flags', 'terminal'],
    init: ['flags', 'terminal'],
    monitor: ['flags', 'terminal'],
    quarantine: ['flags', 'terminal'],
    failed: ['flags', 'terminal', 'quarantine'],
    queue: ['flags', 'terminal'],
    remote: ['flags', 'terminal'],
    schedule: ['flags', 'terminal'],
    top: ['flags', 'terminal', 'remote'],
    events: ['flags', 'terminal', 'remote', 'top'],
    why: ['flags', 'terminal'],
    local: ['flags', 'terminal'],
    task: ['flags', 'terminal', 'remote', 'why', 'local'],
    worker: ['flags', 'terminal', 'remote'],
    doctor: ['flags', 'terminal', 'queue'],
    completion: ['flags', 'terminal'],
    dev: ['flags', 'terminal', 'quarantine', 'worker'],
    '.': [
      'flags',
      'terminal',
      'broker',
      'init',
      'quarantine',
      'failed',
      'queue',
      'remote',
      'events',
      'monitor',
      'task',
      'worker',
      'schedule',
      'doctor',
      'completion',
      'dev',
    ],
  },
}

/** An import from one room of a folder into another. */
export interface Arrow {
  readonly folder: string
  readonly from: string
  readonly to: string
}

/** The arrow that an import makes; undefined for one that stays in its room, or leaves its folder of src. */
export function arrowOf({ from, to, kind }: Import): Arrow | undefined {
  if (kind === 'package') return undefined
  const [importer, imported] = [foldersOf(from), foldersOf(to)]
  const parting = importer.findIndex((folder, depth) => folder !== imported[depth])
  const depth = parting < 0 ? importer.length : parting
  const rooms = { from: importer[depth] ?? '.', to: imported[depth] ?? '.' }
  if (depth === 0 || rooms.from === rooms.to) return undefined
  return { folder: importer.slice(0, depth).join('/'), ...rooms }
}

/** What is wrong with an import between two rooms, as a sentence; undefined when nothing is. */
export function objectionToRoom(found: Import): string | undefined {
  const arrow = arrowOf(found)
  if (!arrow || arrows[arrow.folder]?.[arrow.from]?.includes(arrow.to)) return undefined
  return `${found.from} imports ${found.to}: no arrow leads from ${arrow.from} to ${arrow.to} in ${arrow.folder}`
}

/** How many files a folder of src may hold directly. */
export function mostFilesIn(folder: string): number {
  return /^(worker|cli)(\/|$)/.test(folder) ? 15 : 20
}

function foldersOf(file: string): string[] {
  const folder = posix.dirname(file)
  return folder === '.' ? [] : folder.split('/')
}
