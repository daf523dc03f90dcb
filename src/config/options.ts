import { connectionOptions } from './options/connections.ts'
import { failureOptions } from './options/failures.ts'
import { loggingOptions } from './options/logging.ts'
import { type KeyOf, type Option, type OptionTable, tableOf, type ValueAt } from './options/option.ts'
import { pluginOptions } from './options/plugins.ts'
import { queueOptions } from './options/queues.ts'
import { runningOptions } from './options/running.ts'
import { scheduleOptions } from './options/schedules.ts'
import { sendingOptions } from './options/sending.ts'
import { workerOptions } from './options/worker.ts'

// An intersection, since the type of one object spread from all would lose the doc comments in declaration files.
/** Every option as it lies in a configuration file. */
export type Options = typeof connectionOptions &
  typeof queueOptions &
  typeof runningOptions &
  typeof failureOptions &
  typeof workerOptions &
  typeof sendingOptions &
  typeof scheduleOptions &
  typeof pluginOptions &
  typeof loggingOptions

const tree: Options = {
  ...connectionOptions,
  ...queueOptions,
  ...runningOptions,
  ...failureOptions,
  ...workerOptions,
  ...sendingOptions,
  ...scheduleOptions,
  ...pluginOptions,
  ...loggingOptions,
}

/** The name of an option; a dot leads into an object of the configuration file. */
export type OptionKey = KeyOf<Options>

/** The resolved values of the options, by key. */
export type OptionValues = { readonly [Key in OptionKey]: ValueAt<Options, Key> }

/** Reads the value of an option, as its parser left it. */
export type Read = <K extends OptionKey>(key: K) => OptionValues[K]

/** One row for each key, in the order of `--help` and the documentation. */
export const options = tableOf(tree) as { readonly [Key in OptionKey]: Option<OptionValues[Key]> } & OptionTable

/** The keys in the order of the table. */
export const optionKeys = Object.keys(options) as OptionKey[]
