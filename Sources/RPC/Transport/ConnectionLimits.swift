import NIOCore

/// What one connection may use and how long it may live. Made from ``GRPCEndpoint/Options``.
struct ConnectionLimits: Sendable {
  var messageBytes = 4 * 1024 * 1024
  /// Streams that are open at the same time; with those of cancelled calls, twice as many handlers may run.
  var streams = 1000
  /// The same for a client that has shown no certificate, and is no process of this machine.
  var strangerStreams = 100
  /// HTTP/2's SETTINGS_MAX_CONCURRENT_STREAMS.
  func streams(for caller: Caller) -> Int {
    if case .anonymous = caller { min(streams, strangerStreams) } else { streams }
  }

  /// HTTP/2's SETTINGS_MAX_HEADER_LIST_SIZE.
  var headerBytes = 16 * 1024
  /// Bytes of requests that no handler has taken, over all calls.
  var heldBytes = 64 * 1024 * 1024
  /// Bytes of responses that wait for the client, over all calls; one message more may wait.
  var unreadBytes = 64 * 1024 * 1024
  /// Bytes of a response that the client has not read before its writer waits.
  var unwrittenBytes = 64 * 1024
  /// The room that each stream's window has, and the connection's at the beginning (HTTP/2's default).
  let streamWindow = 65_535
  /// The room that the connection's window is kept at once it is used.
  var connectionWindow = 1024 * 1024
  var silence: TimeAmount = .seconds(20)
  /// Why a connection is closed after that.
  var silenceReason: String { "no HTTP/2 request began within \(silence.nanoseconds / 1_000_000) ms" }
  var age: TimeAmount?
  var keepalive: (interval: TimeAmount, timeout: TimeAmount)?
  /// How long the answer to the PING of a GOAWAY is waited for.
  var goodbye: TimeAmount = .seconds(5)
  /// How long a connection that is closed for a fault still reads, so that its client sees why.
  var linger: TimeAmount = .seconds(1)
  var frames = FrameMeter.Limits()
}
