/** The error for a server that the tests need and can't get: one sentence, with the way on. */
export function missing(what: string, why: string): Error {
  return new Error(`The live tests need ${what}, and ${why}; \`npm run test:unit\` runs the tests that need only Node.`)
}
