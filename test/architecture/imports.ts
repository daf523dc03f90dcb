import { posix } from 'node:path'
import ts from 'typescript'

/** One import in a source file, whatever its form: static, dynamic, re-export, or a type in `import('…')`. */
export interface Import {
  /** The file, relative to src: `broker/session.ts`. */
  readonly from: string
  /** The file it imports, relative to src, or the package: `node:fs`, `amqplib`. */
  readonly to: string
  readonly kind: 'file' | 'package'
  readonly typeOnly: boolean
}

/** Every import of a source file; `from` is its path relative to src. */
export function importsOf(from: string, text: string): Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier && ts.isStringLiteralLike(specifier)) found.push(resolved(from, specifier.text, typeOnly))
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(from, text, ts.ScriptTarget.Latest, true))
  return found
}

/** The cycles among files, each once, as the files on it; types count. */
export function cyclesIn(imports: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>()
  for (const { from, to, kind } of imports) {
    if (kind === 'file') targets.set(from, [...(targets.get(from) ?? []), to])
  }
  const done = new Set<string>()
  const path: string[] = []
  const cycles: string[][] = []
  const visit = (file: string): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file])
    if (path.includes(file) || done.has(file)) return
    path.push(file)
    for (const target of targets.get(file) ?? []) visit(target)
    path.pop()
    done.add(file)
  }
  for (const file of targets.keys()) visit(file)
  return cycles
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = clause
  if (name || !namedBindings || !ts.isNamedImports(namedBindings)) return false
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly)
}

function resolved(from: string, specifier: string, typeOnly: boolean): Import {
  if (!specifier.startsWith('.')) return { from, to: packageName(specifier), kind: 'package', typeOnly }
  return { from, to: posix.join(posix.dirname(from), specifier), kind: 'file', typeOnly }
}

function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
