/**
 * What Ctrl-Z does, for a terminal in raw mode: stops the processes of this command, and returns when the shell continues
 * them with `fg`. Returns at once where no shell could do that, and on Windows, which has no such signal.
 */
export function suspend(): void {
  // To the group, as the terminal does: `npx`, a worker of `twq dev`. The kernel ignores it in a group without a shell.
  if (process.platform !== 'win32') process.kill(0, 'SIGTSTP')
}
