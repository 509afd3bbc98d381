import Daemon
import SPIFFE

/// The two pages of `health_checks`: 200 or 503, and what became of each file. Pure but for the state that it shows.
struct HelperHealthPages: Sendable {
  let settings: HelperConfiguration.HealthChecks
  let status: WriteStatus

  func answer(_ request: HTTPListener.Request) -> HTTPListener.Response {
    let isGood: Bool
    switch request.path {
    case settings.livenessPath: isGood = status.isLive
    case settings.readinessPath: isGood = status.isReady
    default:
      return HTTPListener.Response(
        status: 404, contentType: "text/plain; charset=utf-8", body: "404 page not found\n")
    }
    let page: JSONValue = ["status": .string(isGood ? "OK" : "Service Unavailable"), "health": status.document]
    return HTTPListener.Response(status: isGood ? 200 : 503, contentType: "application/json", body: page.text())
  }
}
