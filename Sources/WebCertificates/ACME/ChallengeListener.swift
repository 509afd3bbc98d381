package import Daemon

/// Answers HTTP-01 challenges (RFC 8555 §8.3), and nothing else.
package enum ChallengeListener {
  /// - Parameter whenListening: called with the address once connections are accepted.
  package static func make(
    _ address: HTTPListener.Address, board: ChallengeBoard,
    whenListening: @escaping @Sendable (_ address: String) -> Void = { _ in }
  ) -> HTTPListener {
    HTTPListener(
      address, whenListening: whenListening,
      answer: .now { request in
        guard request.method == "GET", let page = board.page(at: request.path) else {
          return .init(status: 404, contentType: "text/plain; charset=utf-8", body: "404 page not found\n")
        }
        return .init(status: 200, contentType: "application/octet-stream", body: page)
      })
  }
}
