import Foundation
import Synchronization

/// What the load client can do; each mode prints one line of JSON.
struct Modes {
  let options: Options

  private func caller() throws -> Caller {
    try Caller(
      path: options.text("socket"), request: options.request, firstMessage: options.has("first-message"),
      least: options.integer("least", default: 0))
  }

  private var process: Int? {
    get throws { try options.optional("pid").map { _ in try options.integer("pid", default: 0) } }
  }

  /// `callers` threads, a connection each, for `seconds` after `warmup`.
  func calls() throws -> String {
    let body = try options.body
    var first = try caller()
    let reply = try first.call(body)
    if let path = options.optional("reply") { try Files.write(reply, to: path) }

    let count = try options.integer("callers", default: 8)
    let warm = Clock.now + Int(try options.number("warmup", default: 0.5) * 1e9)
    let end = warm + Int(try options.number("seconds", default: 5) * 1e9)
    let samples = Mutex(Samples())
    let threads = try (0..<count).map { _ in
      // Each connection is made here and used by its thread only.
      nonisolated(unsafe) var caller = try caller()
      let done = DispatchSemaphore(value: 0)
      let thread = Thread {
        let mine = Self.run(&caller, body, from: warm, to: end)
        samples.withLock { $0.add(mine) }
        done.signal()
      }
      thread.start()
      return done
    }
    let pid = try process
    usleep(UInt32(max(0, warm - Clock.now) / 1000))
    let (began, before) = (Clock.now, try Clock.used(by: pid))
    usleep(UInt32(max(0, end - Clock.now) / 1000))
    let (elapsed, cpu) = (Clock.now - began, try Clock.used(by: pid) - before)
    for thread in threads { thread.wait() }
    return samples.withLock { $0 }.report(nanoseconds: elapsed, cpu: cpu)
  }

  /// Calls that ended before `start` or after `end` do not count.
  private static func run(_ caller: inout Caller, _ body: [UInt8], from start: Int, to end: Int) -> Samples {
    var samples = Samples()
    while true {
      let began = Clock.now
      var failure: String?
      do {
        _ = try caller.call(body)
      } catch {
        failure = "\(error)"
      }
      let ended = Clock.now
      samples.reconnections = caller.reconnections
      if ended > end { return samples }
      guard ended >= start else { continue }
      if let failure { samples.fail(failure) } else { samples.latencies.append(ended - began) }
      if samples.failures.count > 100 { return samples }
    }
  }

  /// One caller, the messages of a file.
  func script() throws -> String {
    let records = try Files.script(options.text("script"))
    var caller = try caller()
    var samples = Samples()
    let pid = try process
    let (began, before) = (Clock.now, try Clock.used(by: pid))
    for record in records {
      let start = Clock.now
      do {
        _ = try caller.call(record.body)
        samples.latencies.append(Clock.now - start)
      } catch {
        samples.fail("\(error)")
      }
    }
    return samples.report(nanoseconds: Clock.now - began, cpu: try Clock.used(by: pid) - before)
  }

  /// From a call's start to the message of an open stream that holds its text, or does not any more.
  func arrive() throws -> String {
    let records = try Files.script(options.text("script"))
    let watch = try Connection(path: options.text("socket"))
    let stream = try watch.start(options.request, body: options.body)
    _ = try watch.finish(stream, firstMessage: true)
    var caller = try Caller(
      path: options.text("call-socket"), request: Request(method: options.text("call-method"), metadata: []),
      firstMessage: false, least: 0)
    let isAwaited = !options.has("absent")
    let pause = UInt32(try options.number("pause", default: 0.1) * 1e6)
    var samples = Samples()
    let began = Clock.now
    for record in records {
      usleep(pause)
      let start = Clock.now
      _ = try caller.call(record.body)
      while watch.calls[stream]?.message.map({ contains($0, record.text) == isAwaited }) != true {
        guard watch.calls[stream]?.ended == false else { throw LoadError("the stream ended") }
        try watch.receive()
      }
      samples.latencies.append(Clock.now - start)
    }
    return samples.report(nanoseconds: Clock.now - began, cpu: 0)
  }

  private func contains(_ bytes: [UInt8], _ text: [UInt8]) -> Bool {
    guard let first = text.first else { return true }
    return bytes.indices.contains { bytes[$0] == first && bytes[$0...].starts(with: text) }
  }

  /// Repeats until it succeeds; prints when.
  func until() throws -> String {
    let body = try options.body
    let end = Clock.now + Int(try options.number("seconds", default: 30) * 1e9)
    let wanted = options.optional("equals")
    var last = ""
    while Clock.now < end {
      do {
        var caller = try caller()
        let message = try caller.call(body)
        let hexadecimal = message.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        if wanted == nil || wanted == hexadecimal { return "{\"monotonic_ns\":\(Clock.now)}" }
        last = "answered \(hexadecimal)"
      } catch {
        last = "\(error)"
      }
      usleep(400)
    }
    throw LoadError("did not succeed in time: \(last)")
  }
}
