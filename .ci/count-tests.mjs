// count-tests.mjs <report.json...>: adds up vitest's JSON reports, says again what failed and why, and prints
// `N passed, N failed, N skipped`.
// A report that is missing is a run that never got as far as its tests: it counts as one failure.
import { existsSync, readFileSync } from 'node:fs'

const total = { passed: 0, failed: 0, skipped: 0 }

for (const path of process.argv.slice(2)) {
  if (!existsSync(path)) {
    total.failed += 1
    continue
  }
  const report = JSON.parse(readFileSync(path, 'utf8'))
  const failed = report.numFailedTests + report.testResults.filter(failedOutsideItsTests).length
  total.passed += report.numPassedTests
  // A run can also fail before any test does: its servers could not be started.
  total.failed += report.success ? failed : Math.max(failed, 1)
  total.skipped += report.numPendingTests + report.numTodoTests
  for (const line of failuresIn(report)) console.log(line)
}

console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)

/** Each failed test, or file, with the beginning of what it said. */
function failuresIn({ testResults }) {
  return testResults.flatMap((file) => {
    const tests = file.assertionResults.filter((test) => test.status === 'failed')
    const failed = tests.map((test) => [`${file.name} > ${test.fullName}`, test.failureMessages.join('\n')])
    if (failedOutsideItsTests(file)) failed.push([file.name, file.message])
    return failed.map(([name, why]) => `failed: ${name}\n${why.slice(0, 3000)}\n`)
  })
}

/** A test file that could not be loaded, say, has no failed test to be counted by. */
function failedOutsideItsTests({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed')
}
