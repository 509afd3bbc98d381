import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import AgentPlugins

/// A message bus in this process, on a Unix socket, that says what a test tells it to: good answers or nonsense.
struct ScriptedBus: Sendable {
  /// What becomes of a call.
  enum Answer: Sendable {
    /// A string, an object path or a variant, by its signature.
    case text(String, signature: String = "s")
    case error(String, String)
    /// Bytes as they are, in place of a message.
    case raw([UInt8])
    case silence
    case hangUp
  }

  final class Script: Sendable {
    private struct State {
      var greeting = "OK 1234deadbeef\r\n"
      var answer: @Sendable (String) -> Answer
      var calls: [String] = []
      var connections = 0
    }
    private let state: Mutex<State>

    fileprivate init(_ answer: @escaping @Sendable (String) -> Answer) { state = Mutex(State(answer: answer)) }

    /// The members that were called.
    var calls: [String] { state.withLock { $0.calls } }
    var connections: Int { state.withLock { $0.connections } }
    func greet(_ text: String) { state.withLock { $0.greeting = text } }
    func say(_ answer: @escaping @Sendable (String) -> Answer) { state.withLock { $0.answer = answer } }

    fileprivate var greeting: String { state.withLock { $0.greeting } }
    fileprivate func connected() { state.withLock { $0.connections += 1 } }
    fileprivate func answer(_ member: String) -> Answer {
      state.withLock {
        $0.calls.append(member)
        return $0.answer
      }(member)
    }
  }

  let script: Script

  /// Runs `body` while the bus listens at `socket`; `answer` is told the member that is called, but for Hello.
  static func with<T: Sendable>(
    _ socket: String, answer: @escaping @Sendable (String) -> Answer, _ body: @Sendable (Script) async throws -> T
  ) async throws -> T {
    let script = Script(answer)
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(script)) }
      }
      .bind(unixDomainSocketPath: socket).get()
    do {
      let result = try await body(script)
      try await channel.close()
      return result
    } catch {
      try? await channel.close()
      throw error
    }
  }

  /// A message to the caller, little-endian.
  static func message(kind: UInt8 = 2, replyTo serial: UInt32, error: String = "", _ text: String, signature: String)
    -> [UInt8]
  {
    var body = DBusWriter()
    if signature == "v" {
      body.write(signature: "s")
      body.write(text)
    } else {
      body.write(text)
    }
    var fields = DBusWriter()
    if !error.isEmpty { fields.write(field: 4, "s", error) }
    fields.align(8)
    fields.bytes.append(5)
    fields.write(signature: "u")
    fields.write(serial)
    fields.write(field: 7, "s", ":1.0")
    fields.write(field: 8, signature: signature)
    var message = DBusWriter()
    message.bytes = [UInt8(ascii: "l"), kind, 1, 1]
    message.write(UInt32(body.bytes.count))
    message.write(UInt32(99))
    message.write(UInt32(fields.bytes.count))
    message.bytes += fields.bytes
    message.align(8)
    return message.bytes + body.bytes
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let script: Script
    private var buffer: [UInt8] = []
    private var isSignedIn = false

    init(_ script: Script) { self.script = script }

    func channelActive(context: ChannelHandlerContext) { script.connected() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      buffer += unwrapInboundIn(data).readableBytesView
      if !isSignedIn {
        let text = String(decoding: buffer, as: UTF8.self)
        if text.hasSuffix("\r\n"), !text.contains("BEGIN") {
          buffer = []
          write(Array(script.greeting.utf8), context)
          return
        }
        guard let end = text.range(of: "BEGIN\r\n") else { return }
        isSignedIn = true
        buffer.removeFirst(text[..<end.upperBound].utf8.count)
      }
      while buffer.count >= DBusMessage.prefixSize, let size = try? DBusMessage.size(buffer), buffer.count >= size {
        answer(Array(buffer[..<size]), context)
        buffer.removeFirst(size)
      }
    }

    private func answer(_ call: [UInt8], _ context: ChannelHandlerContext) {
      let serial = call[8..<12].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      let text = String(decoding: call, as: UTF8.self)
      if text.contains("Hello") {
        // A real bus says more than it was asked.
        write(
          ScriptedBus.message(replyTo: serial, ":1.7", signature: "s")
            + ScriptedBus.message(kind: 4, replyTo: 0, ":1.7", signature: "s"), context)
        return
      }
      let member =
        text.contains("GetUnitByPID") ? "GetUnitByPID" : text.contains("FragmentPath") ? "FragmentPath" : "Id"
      switch script.answer(member) {
      case .text(let text, let signature):
        write(ScriptedBus.message(replyTo: serial, text, signature: signature), context)
      case .error(let name, let text):
        write(ScriptedBus.message(kind: 3, replyTo: serial, error: name, text, signature: "s"), context)
      case .raw(let bytes): write(bytes, context)
      case .silence: break
      case .hangUp: context.close(promise: nil)
      }
    }

    private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
