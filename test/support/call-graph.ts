import { join } from 'node:path'
import ts from 'typescript'

/** The functions of some source files, and where their code leads: what go-to-definition would find. */
export class CallGraph {
  readonly #program: ts.Program
  readonly #checker: ts.TypeChecker

  constructor(root: string, files: readonly string[]) {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
    this.#program = ts.createProgram(files, { ...options, noEmit: true, incremental: false, composite: false })
    this.#checker = this.#program.getTypeChecker()
  }

  /** The exported function `name` of a file, the method `Class.name` of an exported class, or the class; undefined where there is none. */
  find(file: string, name: string): ts.Declaration | undefined {
    const source = this.#program.getSourceFile(file)
    const symbol = source && this.#checker.getSymbolAtLocation(source)
    const [exported = '', member] = name.split('.')
    const found = symbol && this.#checker.getExportsOfModule(symbol).find((one) => one.name === exported)
    const declaration = found?.declarations?.[0]
    if (member === undefined || declaration === undefined || !ts.isClassDeclaration(declaration)) return declaration
    return declaration.members.find((one) => one.name?.getText() === member)
  }

  /** Whether the code of `from`, with that of its own file which it reaches, names `to` or an interface's member that `to` implements. */
  leads(from: ts.Declaration, to: ts.Declaration): boolean {
    const seen = new Set<ts.Node>([from])
    for (const node of seen) {
      for (const reached of this.#namedIn(node)) {
        if (reached === to || this.#isImplementedBy(reached, to)) return true
        if (isCode(reached) && reached.getSourceFile() === from.getSourceFile()) seen.add(reached)
      }
    }
    return false
  }

  #namedIn(code: ts.Node): ts.Declaration[] {
    const named: ts.Declaration[] = []
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) {
        const symbol = this.#checker.getSymbolAtLocation(node)
        const original = symbol && symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol
        named.push(...(original?.declarations ?? []))
      }
      ts.forEachChild(node, visit)
    }
    ts.forEachChild(code, visit)
    return named
  }

  /** An interface's member, and the method of that name of a class that implements it, or a function that returns it. */
  #isImplementedBy(member: ts.Declaration, code: ts.Declaration): boolean {
    if (!ts.isInterfaceDeclaration(member.parent)) return false
    const owner = this.#checker.getSymbolAtLocation(member.parent.name)
    const isOwner = (type: ts.Node): boolean => {
      const symbol = this.#checker.getTypeAtLocation(type).getSymbol()
      return symbol !== undefined && symbol === owner
    }
    if (ts.isFunctionDeclaration(code)) return code.type !== undefined && isOwner(code.type)
    if (!ts.isMethodDeclaration(code) || !ts.isClassDeclaration(code.parent)) return false
    const types = code.parent.heritageClauses?.flatMap((clause) => [...clause.types]) ?? []
    return code.name.getText() === ts.getNameOfDeclaration(member)?.getText() && types.some(isOwner)
  }
}

function isCode(node: ts.Node): boolean {
  return ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)
}
