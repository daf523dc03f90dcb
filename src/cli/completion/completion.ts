import type { Command } from 'commander'
import { EXIT } from '../terminal/exit-codes.ts'
import { print } from '../terminal/output.ts'
import { type Candidate, candidates } from './candidates.ts'

type Shell = 'bash' | 'zsh' | 'fish'

/** `twq completion <shell>`: the script that the shell reads once; with words, what may complete the last of them. */
export function completion(program: Command, shell: Shell, words: readonly string[]): number {
  if (words.length === 0) print(SCRIPTS[shell])
  else print(candidates(program, asTyped(shell, words)).map(LINES[shell]).join(''))
  return EXIT.ok
}

/** Bash makes `--pool=th` the words `--pool`, `=` and `th`, and replaces only the last. */
function asTyped(shell: Shell, words: readonly string[]): readonly string[] {
  if (shell !== 'bash') return words
  const parts = words.filter((word) => word !== '=')
  return words.at(-1) === '=' ? [...parts, ''] : parts
}

const LINES: Readonly<Record<Shell, (candidate: Candidate) => string>> = {
  bash: ({ word }) => `${word}\n`,
  zsh: ({ word, does }) => `${word.replaceAll(':', '\\:')}${does && `:${does}`}\n`,
  fish: ({ word, does }) => `${word}${does && `\t${does}`}\n`,
}

// Each script calls the twq that was typed, so that the completions match its version.
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_twq_complete() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <("$1" completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" </dev/null 2>/dev/null)
}
complete -o default -F _twq_complete twq
`,
  zsh: `#compdef twq
_twq() {
  local -a found
  found=("\${(@f)$("\${words[1]}" completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then
    _describe twq found
  else
    _files
  fi
}
compdef _twq twq
`,
  fish: `function __twq_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($typed[1] completion fish -- $typed[2..-1] "$current" </dev/null 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c twq -f -a '(__twq_complete)'
`,
}
