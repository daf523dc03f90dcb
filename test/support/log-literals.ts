import ts from 'typescript'

/** One place in a source file that writes a log line with an event. */
export interface LoggedEvent {
  readonly event: string
  /** The levels at which the lines that have it are written there. */
  readonly levels: readonly string[]
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

/**
 * The events of the log lines that a source file writes: `logger.warn({ event: 'a.b' }, …)`, and those whose fields are a
 * constant, `const fields = { event: 'a.b' }`, that goes to a logger in the same block, itself or spread.
 */
export function loggedEvents(file: string, text: string): LoggedEvent[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: LoggedEvent[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'event') {
      const levels = levelsOf(node.parent)
      if (levels.length > 0) for (const event of textsIn(node.initializer)) found.push({ event, levels })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** At which levels an object is logged: as the argument of a call, or through the constant that it is. */
function levelsOf(fields: ts.Node): string[] {
  const { parent } = fields
  if (ts.isCallExpression(parent)) return levelsOfCall(parent)
  if (!ts.isVariableDeclaration(parent)) return []
  const name = parent.name.getText()
  const block = enclosing(parent, ts.isBlock)
  const levels: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node) && node !== block && declares(node, name)) return
    if (ts.isCallExpression(node) && passes(node.arguments[0], name)) levels.push(...levelsOfCall(node))
    ts.forEachChild(node, visit)
  }
  if (block) visit(block)
  return levels
}

/** Whether a block has a constant of its own by this name. */
function declares(block: ts.Block, name: string): boolean {
  return block.statements.some(
    (statement) =>
      ts.isVariableStatement(statement) &&
      statement.declarationList.declarations.some((declaration) => declaration.name.getText() === name),
  )
}

function passes(argument: ts.Node | undefined, name: string): boolean {
  if (argument === undefined) return false
  if (ts.isIdentifier(argument)) return argument.text === name
  if (!ts.isObjectLiteralExpression(argument)) return false
  return argument.properties.some((part) => ts.isSpreadAssignment(part) && part.expression.getText() === name)
}

/** `warn` of `logger.warn(…)`, `info` and `warn` of `logger[bad ? 'warn' : 'info'](…)`. */
function levelsOfCall({ expression }: ts.CallExpression): string[] {
  if (ts.isPropertyAccessExpression(expression)) return LEVELS.filter((level) => level === expression.name.text)
  return ts.isElementAccessExpression(expression) ? textsIn(expression.argumentExpression) : []
}

/** The texts that an expression may be: its own, or those of a condition's branches. */
function textsIn(node: ts.Node): string[] {
  if (ts.isStringLiteral(node)) return [node.text]
  if (ts.isAsExpression(node) || ts.isParenthesizedExpression(node)) return textsIn(node.expression)
  if (ts.isConditionalExpression(node)) return [...textsIn(node.whenTrue), ...textsIn(node.whenFalse)]
  return []
}

function enclosing<T extends ts.Node>(node: ts.Node, is: (node: ts.Node) => node is T): T | undefined {
  for (let above = node.parent; above !== undefined; above = above.parent) if (is(above)) return above
  return undefined
}
