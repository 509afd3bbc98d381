/// Makes the listener that shows a Prometheus page, on every path (`Prometheus { host port }`).
package enum PrometheusListener {
  package static func make(
    host: String, port: Int, sink: PrometheusSink,
    whenListening: @escaping @Sendable (_ address: String) -> Void = { _ in }
  ) -> HTTPListener {
    HTTPListener(host: host, port: port, whenListening: whenListening) { _ in
      HTTPListener.Response(
        status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: sink.page())
    }
  }
}
