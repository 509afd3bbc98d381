package import NIOCore

/// Makes the listener that shows a Prometheus page, on every path (`Prometheus { host port }`).
package enum PrometheusListener {
  /// - Parameter prepare: puts TLS in front of a connection, where it is configured.
  package static func make(
    host: String, port: Int, sink: PrometheusSink,
    prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
    whenListening: @escaping @Sendable (_ address: String) -> Void = { _ in }
  ) -> HTTPListener {
    HTTPListener(
      .tcp(host: host, port: port), prepare: prepare, whenListening: whenListening,
      answer: .now { _ in
        HTTPListener.Response(
          status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: sink.page())
      })
  }
}
