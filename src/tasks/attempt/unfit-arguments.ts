/** Thrown for a call whose arguments don't fit the task; no policy retries it. It has the name of Python's error. */
export class UnfitArguments extends Error {
  constructor(name: 'TypeError' | 'ValueError', message: string) {
    super(message)
    this.name = name
  }
}
