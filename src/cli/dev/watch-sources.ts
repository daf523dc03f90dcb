import { type FSWatcher, readdirSync, watch } from 'node:fs'
import { basename, join } from 'node:path'
import { messageOf } from '../../errors.ts'

/** How a folder is watched. */
export interface WatchOptions {
  /** Milliseconds of silence after which a burst of changes counts as one. */
  readonly debounce: number
  /** True for a file that the worker has loaded: it is watched beside the named code and configuration. */
  readonly isLoaded?: (path: string) => boolean
  /** Hears the changed files. */
  readonly onChange: (files: readonly string[]) => void
  /** A folder can't be watched: on Linux, most likely `fs.inotify.max_user_watches` is used up. */
  readonly onTrouble: (reason: string) => void
}

const SOURCE = /\.[cm]?[jt]sx?$|^(worker|twq)\.config\.(json|ya?ml)$|^(package|tsconfig)\.json$/

/** Watches the code and the configuration in a folder and all below it, but for packages and hidden folders, until disposed. */
export function watchSources(
  root: string,
  { debounce, isLoaded = () => false, onChange, onTrouble }: WatchOptions,
): Disposable {
  const watchers = new Map<string, FSWatcher>()
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined

  const note = (path: string): void => {
    changed.add(path)
    clearTimeout(timer)
    timer = setTimeout(() => {
      const files = [...changed].sort()
      changed.clear()
      onChange(files)
    }, debounce)
  }
  const forget = (folder: string): void => {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }
  const add = (folder: string): void => {
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null) return
        const path = join(folder, name)
        if (SOURCE.test(name) || isLoaded(path)) note(path)
        else if (isOurs(name)) addTree(path, note)
      })
      watcher.on('error', () => forget(folder))
      watchers.set(folder, watcher)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A folder may be gone again before we look.
      if (code !== 'ENOENT' && code !== 'ENOTDIR') onTrouble(messageOf(error))
    }
  }
  /** Node's own recursive watching would follow every file of every package. */
  const addTree = (folder: string, onFile: (path: string) => void): void => {
    const entries = entriesOf(folder)
    if (entries === undefined) forget(folder)
    if (entries === undefined || watchers.has(folder)) return
    add(folder)
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && isOurs(entry.name)) addTree(path, onFile)
      else if (entry.isFile() && SOURCE.test(entry.name)) onFile(path)
    }
  }
  addTree(root, () => {})
  return {
    [Symbol.dispose]() {
      clearTimeout(timer)
      for (const folder of [...watchers.keys()]) forget(folder)
    },
  }
}

function isOurs(name: string): boolean {
  return basename(name) !== 'node_modules' && !name.startsWith('.')
}

/** The entries of a folder; undefined where there is none. */
function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return undefined
  }
}
