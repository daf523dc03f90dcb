import type * as commanderTypes from 'commander'
import { requireOwn } from '../../runtime/own-package.ts'

// By `require`: a CommonJS module that is imported is first parsed for its names, by code of Node that most commands need for nothing else.
const commander = requireOwn('commander') as typeof commanderTypes

/** The parts of commander that commands are made of. */
export const { Argument, Command, CommanderError, Help, Option } = commander

export type Command = commanderTypes.Command
export type CommanderError = commanderTypes.CommanderError
