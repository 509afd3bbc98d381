import Foundation

/// The load client of the benchmarks: `Benchmarks/measure.py` runs it and reads its JSON.
@main struct SpireLoad {
  static func main() {
    do {
      let options = try Options(Array(CommandLine.arguments.dropFirst()))
      let modes = Modes(options: options)
      switch options.mode {
      case "calls": print(try modes.calls())
      case "script": print(try modes.script())
      case "arrive": print(try modes.arrive())
      case "until": print(try modes.until())
      case "hold": try hold(options)
      default: throw LoadError(Options.usage)
      }
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(1)
    }
  }

  private static func hold(_ options: Options) throws {
    let (connections, streams) = (
      try options.integer("connections", default: 1), try options.integer("streams", default: 1)
    )
    let hold = try Hold(
      path: options.text("socket"), request: options.request, body: options.body, connections: connections,
      streams: streams)
    print("{\"open\":\(connections * streams)}")
    fflush(nil)
    let ended = try hold.wait { first, half, last in
      print("{\"first_ns\":\(first),\"half_ns\":\(half),\"last_ns\":\(last)}")
      fflush(nil)
    }
    print("{\"ended\":\(ended)}")
  }
}
