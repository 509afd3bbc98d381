import HTTP
import NodeProofs

/// Why a host did not show the challenge.
struct ChallengeFault: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Where a challenge must be found: made of a host name and a port that are nothing else, so that no other URL can come
/// of them. A value.
struct ChallengePlace: Sendable {
  let hostname: String
  let url: WebURL

  init(_ claim: HTTPChallengeMessages.Payload) throws(ChallengeFault) {
    guard !claim.hostname.isEmpty else { throw ChallengeFault("hostname must be set") }
    guard claim.port > 0 else { throw ChallengeFault("port is invalid") }
    guard claim.port <= 65535 else { throw ChallengeFault("port is invalid: \(claim.port)") }
    guard !claim.hostname.contains("/") else { throw ChallengeFault("hostname can not contain a slash") }
    guard !claim.hostname.contains(":") else { throw ChallengeFault("hostname can not contain a colon") }
    let isName = claim.hostname.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isName, claim.hostname.utf8.count <= 253 else {
      throw ChallengeFault("hostname can only have letters, digits, dots, hyphens and underscores")
    }
    let path = HTTPChallengeMessages.path(agent: claim.agentName)
    do { url = try WebURL("http://\(claim.hostname):\(claim.port)\(path)", scheme: .http) } catch {
      throw ChallengeFault("the URL \(error)")
    }
    hostname = claim.hostname
  }
}

/// A host that showed the number that was made for it, when it was asked. Its one initialiser asks.
struct ShownChallenge: Sendable {
  let hostname: String

  init(at place: ChallengePlace, expected: HTTPChallengeMessages.Challenge) async throws {
    let answer: HTTPAnswer
    do {
      answer = try await AttestorHTTP(.challengedHost).send(HTTPRequest(.get, place.url), over: .plain)
    } catch HTTPFailure.tooLarge {
      // Nobody learns what the rest of it is.
      throw ChallengeFault("expected nonce was not found in HTTP response")
    } catch {
      throw ChallengeFault("Get \"\(place.url)\": \(error)")
    }
    guard !(300...399).contains(answer.status) else {
      throw ChallengeFault("Get \"\(place.url)\": http redirects are disabled")
    }
    var body = answer.body[...]
    while let first = body.first, Self.isSpace(first) { body = body.dropFirst() }
    while let last = body.last, Self.isSpace(last) { body = body.dropLast() }
    guard body.elementsEqual(expected.nonce.utf8) else {
      throw ChallengeFault("expected nonce was not found in HTTP response")
    }
    hostname = place.hostname
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
