import Flags
import Glibc
import ServerCommands

let commands = ServerCommandTree.withFeatures(of: CommandIO.process.environment)
exit(await commands.run(Array(CommandLine.arguments.dropFirst()), io: .process))
