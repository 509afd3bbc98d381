import Daemon
import HTTP

/// Where a container engine answers: `unix:///var/run/docker.sock` or `tcp://127.0.0.1:2375`. A value, parsed once.
struct DockerAddress: Hashable, Sendable, CustomStringConvertible {
  private enum Way: Hashable, Sendable {
    case socket(String)
    case host(String)
  }

  let description: String
  private let way: Way

  /// - Throws: a text that is no such address, with the words of Docker's client.
  init(_ text: String) throws(Malformed) {
    guard let separator = text.range(of: "://") else {
      throw Malformed(description: "unable to parse docker host `\(text)`")
    }
    let rest = String(text[separator.upperBound...])
    switch text[..<separator.lowerBound] {
    case "unix":
      // What `sockaddr_un` can hold.
      guard !rest.isEmpty, rest.utf8.count < 108, !rest.utf8.contains(0) else {
        throw Malformed(description: "unable to parse docker host `\(text)`: a socket's path has 1 to 107 bytes")
      }
      way = .socket(rest)
    case "tcp", "http":
      do {
        guard try WebURL("http://\(rest)/", scheme: .http).target == "/" else {
          throw Malformed(description: "unable to parse docker host `\(text)`: only a host and a port can be given")
        }
      } catch let error as Malformed {
        throw error
      } catch {
        throw Malformed(description: "unable to parse docker host `\(text)`: it \(error)")
      }
      way = .host(rest)
    default:
      throw Malformed(
        description: "unable to parse docker host `\(text)`: its scheme must be unix or tcp")
    }
    description = text
  }

  struct Malformed: Error, CustomStringConvertible {
    let description: String
  }

  /// The request's URL and way for a path of the API.
  func target(_ path: String) throws -> (url: WebURL, route: HTTPRoute) {
    switch way {
    case .socket(let socket): (try WebURL("http://docker\(path)", scheme: .http), .unixSocket(path: socket))
    case .host(let host): (try WebURL("http://\(host)\(path)", scheme: .http), .plain)
    }
  }
}

extension StringProtocol {
  /// Where `text` stands first.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
