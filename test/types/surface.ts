import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '../..')
const DIST = join(ROOT, 'dist')

/** What the declarations of one entry point of the package say. */
export interface Surface {
  /** The names that it exports. */
  readonly exported: readonly string[]
  /** Named types that its declarations refer to, and which it does not export: each with its file and what refers to it. */
  readonly missing: readonly string[]
  /** Exports without a doc comment, and methods of exports without one. */
  readonly undocumented: readonly string[]
}

/** The entry points of package.json with their declarations: `['twq/client', '…/dist/client.d.ts']`. */
export function doors(): readonly (readonly [door: string, declarations: string])[] {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return Object.entries(exports as Record<string, string | { readonly types: string }>).flatMap(([path, target]) =>
    typeof target === 'string' ? [] : [[join(name, path), join(ROOT, target.types)] as const],
  )
}

/** Reads the declarations of entry points. */
export function surfacesOf(files: readonly string[]): readonly Surface[] {
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    strict: true,
    noEmit: true,
  })
  return files.map((file) => surfaceOf(program, file))
}

function surfaceOf(program: ts.Program, file: string): Surface {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${file} is no module: build first`)
  const names = new Map(checker.getExportsOfModule(module).map((symbol) => [resolved(symbol), symbol.name]))
  const missing = new Map<ts.Symbol, string>()
  const seen = new Set<ts.Symbol>(names.keys())
  for (const symbol of seen) for (const declaration of oursOf(symbol)) walk(declaration, symbol)
  return {
    exported: [...names.values()].sort(),
    missing: [...missing.values()].sort(),
    undocumented: [...names].flatMap(([symbol, name]) => undocumentedOf(symbol, name)).sort(),
  }

  function walk(node: ts.Node, from: ts.Symbol): void {
    if (ts.isHeritageClause(node) && isComputed(node)) {
      for (const property of checker.getTypeAtLocation(node.parent).getProperties()) {
        walkType(checker.getTypeOfSymbol(property), from)
      }
      return
    }
    const named = namedBy(node)
    const symbol = named && checker.getSymbolAtLocation(named)
    if (symbol !== undefined) reach(resolved(symbol), from)
    ts.forEachChild(node, (child) => walk(child, from))
  }

  /** Whether an interface gets its members from a computation: then it is their types that users meet. */
  function isComputed({ types }: ts.HeritageClause): boolean {
    return types.some(({ expression }) => {
      const symbol = checker.getSymbolAtLocation(expression)
      return symbol !== undefined && (resolved(symbol).flags & ts.SymbolFlags.TypeAlias) !== 0
    })
  }

  function walkType(type: ts.Type, from: ts.Symbol, under: readonly ts.Type[] = []): void {
    if (under.includes(type)) return
    const parts = [...under, type]
    const own = type.aliasSymbol ?? type.getSymbol()
    if (own !== undefined && oursOf(own).some(isDeclaredType) && !oursOf(own).some(isGeneric)) {
      reach(own, from)
      return
    }
    if (type.isUnionOrIntersection()) for (const part of type.types) walkType(part, from, parts)
    else if (checker.isArrayType(type))
      for (const part of checker.getTypeArguments(type as ts.TypeReference)) walkType(part, from, parts)
    else if (own === undefined || oursOf(own).length > 0) {
      for (const property of type.getProperties()) walkType(checker.getTypeOfSymbol(property), from, parts)
    }
  }

  function reach(symbol: ts.Symbol, from: ts.Symbol): void {
    if (seen.has(symbol)) return
    const [declaration] = oursOf(symbol)
    if (declaration === undefined || !isDeclaredType(declaration)) return
    seen.add(symbol)
    if (isComputation(declaration)) return
    missing.set(symbol, `${symbol.name} of ${pathOf(declaration)}, in ${from.name}`)
  }

  function resolved(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  }

  function undocumentedOf(symbol: ts.Symbol, name: string): readonly string[] {
    const members = (symbol.declarations ?? []).flatMap((declaration) =>
      ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration) ? [...declaration.members] : [],
    )
    return [
      ...(isDocumented(symbol) ? [] : [name]),
      ...members
        .filter((member) => ts.isMethodSignature(member) || ts.isMethodDeclaration(member))
        .map((member) => checker.getSymbolAtLocation(member.name))
        .filter((member) => member !== undefined && !isDocumented(member) && !member.name.startsWith('__@'))
        .map((member) => `${name}.${member?.name}`),
    ]
  }

  function isDocumented(symbol: ts.Symbol): boolean {
    return symbol.getDocumentationComment(checker).length > 0
  }
}

function namedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return rightmost(node.typeName)
  if (ts.isExpressionWithTypeArguments(node)) return node.expression
  if (ts.isTypeQueryNode(node)) return rightmost(node.exprName)
  if (ts.isImportTypeNode(node)) return node.qualifier && rightmost(node.qualifier)
  return undefined
}

function rightmost(name: ts.EntityName): ts.Node {
  return ts.isQualifiedName(name) ? name.right : name
}

function oursOf(symbol: ts.Symbol): readonly ts.Declaration[] {
  return (symbol.declarations ?? []).filter((declaration) => declaration.getSourceFile().fileName.startsWith(DIST))
}

function isDeclaredType(declaration: ts.Declaration): boolean {
  return (
    ts.isInterfaceDeclaration(declaration) ||
    ts.isTypeAliasDeclaration(declaration) ||
    ts.isClassDeclaration(declaration) ||
    ts.isVariableDeclaration(declaration) ||
    ts.isFunctionDeclaration(declaration)
  )
}

/** A type with parameters that its module keeps to itself: a step of how another is computed, which nobody has to write down. */
function isComputation(declaration: ts.Declaration): boolean {
  return (
    ts.isTypeAliasDeclaration(declaration) &&
    declaration.typeParameters !== undefined &&
    !(ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export)
  )
}

function isGeneric(declaration: ts.Declaration): boolean {
  return ts.isTypeAliasDeclaration(declaration) && declaration.typeParameters !== undefined
}

function pathOf(declaration: ts.Declaration): string {
  return relative(DIST, declaration.getSourceFile().fileName).replace(/\.d\.ts$/, '.ts')
}
