/** The flags that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly config?: string
  readonly cwd?: string
  readonly output?: 'table' | 'json'
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly timeout?: string
  /** The flags of the option table, by their commander names. */
  readonly [flag: string]: unknown
}
