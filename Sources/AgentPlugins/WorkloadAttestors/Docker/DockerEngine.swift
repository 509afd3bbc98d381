import Daemon
import HTTP
import Synchronization

/// One container engine that speaks the Docker Engine API: Docker, or Podman's service. Asks it in bounded size and time.
///
/// Shared by all look-ups at its socket. Who asks about a container while somebody else's request for it is under way gets
/// that answer; no answer is kept. A lock guards the version that was agreed upon.
final class DockerEngine: Sendable {
  /// The largest answer that is read, in bytes.
  static let maximumAnswer = 2 << 20
  /// For one look-up with all its requests.
  static let defaultDeadline: Duration = .seconds(10)
  /// Above this, an answer is parsed beside the event loops.
  private static let small = 64 << 10
  private static let attempts = 4

  let address: DockerAddress
  private let fixedVersion: DockerAPIVersion?
  private let deadline: Duration
  private let time: any TimeSource
  private let queue: BackgroundQueue
  private let agreed = Mutex<DockerAPIVersion?>(nil)
  private let calls: SharedCalls<String, Found>

  /// A container, and the digest of its image's configuration if the engine knows it.
  struct Found: Sendable {
    var container: DockerContainer
    var imageDigest: String?
    /// Why there is no digest.
    var imageProblem: String?
  }

  /// - Parameter limit: how many containers may be looked up at once.
  init(
    _ address: DockerAddress, version: DockerAPIVersion?, limit: Int, deadline: Duration, time: any TimeSource,
    queue: BackgroundQueue
  ) {
    self.deadline = deadline
    self.address = address
    fixedVersion = version
    self.time = time
    self.queue = queue
    calls = SharedCalls(limit: limit)
  }

  /// How many callers wait for an answer that somebody else asked for.
  var waitingCount: Int { calls.waitingCount }

  /// The container with this id and its image.
  func find(_ containerID: String) async throws(AgentPluginError) -> Found {
    try await calls.value(containerID) { () async throws(AgentPluginError) -> Found in
      let end = time.steady + deadline
      var found = Found(container: try await container(containerID, until: end))
      let container = found.container
      // The name may mean another image by now, so the id that the container was made from comes first.
      let image = container.imageID.isEmpty ? container.imageName : container.imageID
      guard !image.isEmpty else { return found }
      do throws(AgentPluginError) {
        let answer = try await get("/images/\(Self.escape(image))/json", until: end)
        let digest = try await parse(answer) { bytes in try DockerContainer.imageID(parsing: bytes) }
        if !digest.isEmpty { found.imageDigest = digest }
      } catch {
        found.imageProblem = error.message
      }
      return found
    }
  }

  private func container(_ id: String, until end: Duration) async throws(AgentPluginError) -> DockerContainer {
    var pause = Duration.milliseconds(100)
    for attempt in 1... {
      do throws(AgentPluginError) {
        let answer = try await get("/containers/\(Self.escape(id))/json", until: end)
        return try await parse(answer) { bytes in try DockerContainer(parsing: bytes) }
      } catch {
        guard attempt < Self.attempts, time.steady + pause < end, !Task.isCancelled else { throw error }
      }
      do { try await time.sleep(for: pause) } catch { throw failure(.unavailable, "context canceled", error) }
      pause *= 2
    }
    throw failure(.internalError, "no attempt was made")
  }

  /// A GET of a path below the API's version.
  private func get(_ path: String, until end: Duration) async throws(AgentPluginError) -> [UInt8] {
    let version = try await version(until: end)
    let answer = try await send("/v\(version)\(path)", until: end)
    guard answer.status == 200 else {
      // The engine may have been replaced by an older one.
      if answer.status == 400 { agreed.withLock { $0 = nil } }
      let reason = DockerContainer.message(parsing: answer.body) ?? "HTTP status \(answer.status)"
      throw failure(answer.status == 404 ? .notFound : .unavailable, "Error response from daemon: \(reason)")
    }
    return answer.body
  }

  /// The version to speak: the configured one, or the newest that both sides know.
  private func version(until end: Duration) async throws(AgentPluginError) -> DockerAPIVersion {
    if let known = fixedVersion ?? agreed.withLock({ $0 }) { return known }
    let answer = try await send("/_ping", until: end)
    guard answer.status == 200 else {
      throw failure(
        .unavailable, "no Docker Engine API at \(address): GET /_ping answers with HTTP status \(answer.status)")
    }
    var version = DockerAPIVersion.oldest
    if let text = answer.header("Api-Version") {
      do { version = min(try DockerAPIVersion(text), .newest) } catch {
        throw failure(.internalError, "malformed answer: \(error)", error)
      }
    }
    agreed.withLock { $0 = version }
    return version
  }

  private func send(_ path: String, until end: Duration) async throws(AgentPluginError) -> HTTPAnswer {
    let rest = end - time.steady
    guard rest > .zero else { throw failure(.deadlineExceeded, "\(address): context deadline exceeded") }
    let client = HTTPClient(.init(connect: rest, answer: rest, maximumBody: Self.maximumAnswer))
    do {
      let (url, route) = try address.target(path)
      return try await client.send(HTTPRequest(.get, url), over: route)
    } catch let error as HTTPFailure {
      switch error {
      case .unreachable(let why):
        throw failure(
          .unavailable, "Cannot connect to the Docker daemon at \(address). Is the docker daemon running? (\(why))",
          error)
      case .timeout: throw failure(.deadlineExceeded, "\(address): \(error)", error)
      default: throw failure(.unavailable, "\(address): \(error)", error)
      }
    } catch {
      throw failure(.internalError, "\(address): \(error)", error)
    }
  }

  /// A large answer is taken apart on a queue with few threads: that bounds what many of them cost at once.
  private func parse<T: Sendable>(
    _ answer: [UInt8], _ body: @escaping @Sendable ([UInt8]) throws -> T
  ) async throws(AgentPluginError) -> T {
    do {
      return answer.count <= Self.small ? try body(answer) : try await queue.run { try body(answer) }
    } catch {
      throw failure(.internalError, "\(address): \(error)", error)
    }
  }

  private func failure(
    _ code: AgentPluginError.Code, _ message: String, _ cause: (any Error)? = nil
  ) -> AgentPluginError {
    AgentPluginError(code, message, cause: cause)
  }

  /// The text as a part of a URL's path; `/` stays, as names of images have it.
  static func escape(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
        UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "@"):
        bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
