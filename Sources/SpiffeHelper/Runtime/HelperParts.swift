import Daemon
import Logging
import WorkloadClient

/// What both modes of the helper work with, made once from the configuration.
struct HelperParts: Sendable {
  let configuration: HelperConfiguration
  let api: WorkloadAPIClient
  let files: HelperFiles
  let status: WriteStatus
  let x509: X509Publisher?
  let tokens: [TokenLoop]
  let time: any TimeSource
  let logger: Logger

  init(_ configuration: HelperConfiguration, time: any TimeSource, logger: Logger) {
    self.configuration = configuration
    self.time = time
    self.logger = logger
    let api = WorkloadAPIClient(configuration.endpoint, timeout: .seconds(30))
    let files = HelperFiles(directory: configuration.directory)
    let jwtFiles = configuration.tokens.map(\.fileName) + (configuration.jwtBundleFile.map { [$0] } ?? [])
    let status = WriteStatus(hasX509: configuration.x509 != nil, jwt: jwtFiles.map { configuration.path($0) })
    x509 = configuration.x509.map {
      X509Publisher($0, hint: configuration.hint, files: files, time: time, logger: logger)
    }
    tokens = configuration.tokens.map {
      TokenLoop(
        token: $0, mode: configuration.tokenMode, hint: configuration.hint, path: configuration.path($0.fileName),
        api: api, files: files, status: status, time: time, logger: logger)
    }
    self.api = api
    self.files = files
    self.status = status
  }
}
