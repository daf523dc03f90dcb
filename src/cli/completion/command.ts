import { Argument, type Command } from 'commander'
import type { Exit } from '../terminal/exit-codes.ts'

/** `twq completion`: needs the whole tree of commands below `program`. */
export function addCompletion(program: Command, exit: Exit): void {
  program
    .command('completion')
    .description('completion of commands, flags and their values by the TAB key: eval "$(twq completion bash)"')
    .addArgument(new Argument('<shell>', 'the shell that it is for').choices(['bash', 'zsh', 'fish']))
    .addArgument(new Argument('[words...]', 'what is typed so far: prints what may follow, as the script asks for'))
    .action(async (shell: string, words: readonly string[]) => {
      const { completion } = await import('./completion.ts')
      exit(completion(program, shell as 'bash' | 'zsh' | 'fish', words))
    })
}
