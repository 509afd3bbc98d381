import Daemon
import Glibc

/// The way to one TPM: a character device, or a Unix socket on which an emulator listens. Owns the descriptor.
///
/// Sends one command and waits for its response, for ``patience`` at most; a channel that failed once is not used again.
/// Used by one thread at a time: that of ``TPMDevice``.
final class TPMChannel {
  /// The longest command and response of a TPM (its buffers are 4096 bytes).
  static let maximumSize = 4096

  private let path: String
  private let descriptor: Int32
  private let isStream: Bool
  private let patience: Duration
  /// Why the channel is of no use any more.
  private(set) var failure: TPMFault?

  /// - Parameter patience: how long the TPM may take for one command. Making an RSA key takes some tens of seconds.
  init(_ path: String, patience: Duration) throws(TPMFault) {
    let file: FileStatus
    do { file = try FileStatus(path) } catch { throw TPMFault("stat \(path): \(Self.words(error.errno))") }
    switch file.kind {
    case .device:
      isStream = false
      descriptor = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
      guard descriptor >= 0 else { throw Self.fault("open", path) }
    case .socket:
      isStream = true
      descriptor = try Self.connected(path)
    default: throw TPMFault("\(path): unsupported TPM file mode: it is neither a device nor a socket")
    }
    self.path = path
    self.patience = patience
  }

  deinit { close(descriptor) }

  private static func connected(_ path: String) throws(TPMFault) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let isShort = withUnsafeMutableBytes(of: &address.sun_path) { place in
      guard path.utf8.count < place.count else { return false }
      place.copyBytes(from: path.utf8)
      return true
    }
    guard isShort else { throw TPMFault("dial unix \(path): the path is too long for a socket") }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let isConnected =
      descriptor >= 0
      && withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) == 0 }
      }
    guard isConnected, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
      let fault = fault("dial unix", path)
      if descriptor >= 0 { close(descriptor) }
      throw fault
    }
    return descriptor
  }

  private static func fault(_ operation: String, _ path: String) -> TPMFault {
    TPMFault("\(operation) \(path): \(words(errno))")
  }

  /// As Go writes it.
  private static func words(_ number: Int32) -> String { String(cString: strerror(number)).lowercased() }

  /// Sends a command.
  func send(_ command: UnsafeRawBufferPointer) throws(TPMFault) {
    if let failure { throw failure }
    let deadline = ContinuousClock.now + patience
    var sent = 0
    while sent < command.count {
      // A device takes a command in one piece.
      let rest = UnsafeRawBufferPointer(rebasing: command[sent...])
      let count =
        isStream
        ? Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        : write(descriptor, rest.baseAddress, rest.count)
      if count >= 0 { sent += count } else { try wait(for: POLLOUT, "write", until: deadline) }
    }
  }

  /// The response to the command that was sent.
  func receive(into response: UnsafeMutableRawBufferPointer) throws(TPMFault) -> Int {
    if let failure { throw failure }
    let deadline = ContinuousClock.now + patience
    var received = 0
    // Tag (2), size of all (4), code (4).
    var wanted = 10
    while received < wanted {
      // Also before the first read: a device that is asked too early answers with nothing.
      if received == 0 { try poll(POLLIN, "read", until: deadline) }
      // A device gives a response in one piece.
      let limit = isStream ? wanted : response.count
      let place = UnsafeMutableRawBufferPointer(rebasing: response[received..<limit])
      let count = read(descriptor, place.baseAddress, place.count)
      if count < 0 {
        try wait(for: POLLIN, "read", until: deadline)
        continue
      }
      guard count > 0 else { throw broken(TPMFault("read \(path): the TPM is gone")) }
      received += count
      guard received >= 10 else { continue }
      wanted = Int(response.loadUnaligned(fromByteOffset: 2, as: UInt32.self).bigEndian)
      guard (10...response.count).contains(wanted), received <= wanted else {
        throw broken(TPMFault("read \(path): the response is not one of a TPM"))
      }
    }
    return received
  }

  /// After a call that failed with `errno`: waits if that is all that is to be done.
  private func wait(for events: Int32, _ operation: String, until deadline: ContinuousClock.Instant) throws(TPMFault) {
    switch errno {
    case EINTR: return
    case EAGAIN: try poll(events, operation, until: deadline)
    default: throw broken(Self.fault(operation, path))
    }
  }

  private func poll(_ events: Int32, _ operation: String, until deadline: ContinuousClock.Instant) throws(TPMFault) {
    while true {
      let left = deadline - .now
      guard left > .zero else {
        throw broken(TPMFault("\(operation) \(path): the TPM does not answer within \(patience.components.seconds) s"))
      }
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
      let count = Glibc.poll(&entry, 1, Int32(clamping: milliseconds))
      if count > 0 { return }
      if count < 0, errno != EINTR { throw broken(Self.fault(operation, path)) }
    }
  }

  private func broken(_ fault: TPMFault) -> TPMFault {
    failure = fault
    return fault
  }
}
