import FoundationEssentials
import Glibc

/// What the kernel knows about this process, read when asked: the `process_*` metrics of Prometheus' clients and the
/// runtime gauges that have a meaning here.
enum ProcessMetrics {
  /// Resident memory in bytes, or `nil`.
  static var residentBytes: Double? { statm(1) }
  /// Virtual memory in bytes, or `nil`.
  static var virtualBytes: Double? { statm(0) }

  /// Processor time in seconds.
  static var cpuSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static var openFiles: Int? { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count }

  static var threads: Int? { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task"))?.count }

  private static func statm(_ field: Int) -> Double? {
    guard let data = FileManager.default.contents(atPath: "/proc/self/statm") else { return nil }
    let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
    guard fields.count > field, let pages = Double(fields[field]) else { return nil }
    return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
  }

  static func page() -> String {
    var page = ""
    func add(_ name: String, _ type: String, _ help: String, _ value: Double?) {
      guard let value else { return }
      page += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name) \(GoText.float(value))\n"
    }
    add("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", cpuSeconds)
    add("process_open_fds", "gauge", "Number of open file descriptors.", openFiles.map(Double.init))
    add("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", residentBytes)
    add("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", virtualBytes)
    return page
  }
}
