import Synchronization

/// Lines of text that wait to be sent, each with its newline, at most so many; what comes after is dropped and counted.
/// Safe from any thread.
package final class LineQueue: DatagramSource {
  private struct State {
    var lines: [[UInt8]] = []
    var dropped = 0
  }

  package let bell = DatagramBell()
  private let capacity: Int
  private let packetSize: Int
  private let state = Mutex(State())

  /// - Parameter packetSize: what fits into a packet that is not cut on its way; a longer line goes alone.
  package init(capacity: Int = 4096, packetSize: Int) {
    self.capacity = capacity
    self.packetSize = packetSize
  }

  package func add(_ line: String) {
    let isFirst = state.withLock { state in
      guard state.lines.count < capacity else {
        state.dropped += 1
        return false
      }
      state.lines.append(Array(line.utf8))
      return state.lines.count == 1
    }
    if isFirst { bell.ring() }
  }

  package func takePackets() -> [[UInt8]] {
    let lines = state.withLock { state in
      defer { state.lines = [] }
      return state.lines
    }
    var packets: [[UInt8]] = []
    var packet: [UInt8] = []
    for line in lines {
      if !packet.isEmpty, packet.count + line.count > packetSize {
        packets.append(packet)
        packet = []
      }
      packet += line
    }
    if !packet.isEmpty { packets.append(packet) }
    return packets
  }

  package func takeDropped() -> Int {
    state.withLock { state in
      defer { state.dropped = 0 }
      return state.dropped
    }
  }
}
