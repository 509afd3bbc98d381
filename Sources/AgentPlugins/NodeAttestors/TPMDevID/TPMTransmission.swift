import CTPM

/// A ``TPMChannel`` as tpm2-tss wants its transports: a block of memory with functions. Owned by ``TPMDevice``, which
/// frees it after the library's context.
struct TPMTransmission {
  /// What the library sees, and behind it what it does not.
  private struct Block {
    var head: TSS2_TCTI_CONTEXT_COMMON_V2
    var channel: Unmanaged<TPMChannel>
  }

  private let block: UnsafeMutablePointer<Block>

  /// The library's name for it.
  var context: OpaquePointer { OpaquePointer(block) }

  private static let success: TSS2_RC = 0
  private static let ioError: TSS2_RC = 0x000A_000A
  private static let badValue: TSS2_RC = 0x000A_000B
  private static let notImplemented: TSS2_RC = 0x000A_0002

  init(_ channel: TPMChannel) {
    var head = TSS2_TCTI_CONTEXT_COMMON_V2()
    head.v1.magic = 0x5350_4952_4554_504D
    head.v1.version = 2
    head.v1.transmit = { context, size, command in
      guard let channel = TPMTransmission.channel(context), let command else { return TPMTransmission.badValue }
      do throws(TPMFault) {
        try channel.send(UnsafeRawBufferPointer(start: command, count: size))
        return TPMTransmission.success
      } catch { return TPMTransmission.ioError }
    }
    // The library would wait for ever; the channel has its own patience.
    head.v1.receive = { context, size, response, _ in
      guard let channel = TPMTransmission.channel(context), let size else { return TPMTransmission.badValue }
      guard let response else {
        size.pointee = TPMChannel.maximumSize
        return TPMTransmission.success
      }
      guard size.pointee >= 10 else { return TPMTransmission.badValue }
      do throws(TPMFault) {
        size.pointee = try channel.receive(into: UnsafeMutableRawBufferPointer(start: response, count: size.pointee))
        return TPMTransmission.success
      } catch { return TPMTransmission.ioError }
    }
    head.v1.finalize = { _ in }
    head.v1.cancel = { _ in TPMTransmission.notImplemented }
    head.v1.getPollHandles = { _, _, _ in TPMTransmission.notImplemented }
    head.v1.setLocality = { _, _ in TPMTransmission.notImplemented }
    head.makeSticky = { _, _, _ in TPMTransmission.notImplemented }
    block = .allocate(capacity: 1)
    block.initialize(to: Block(head: head, channel: .passRetained(channel)))
  }

  /// To be called once, at the end.
  func free() {
    block.pointee.channel.release()
    block.deinitialize(count: 1)
    block.deallocate()
  }

  private static func channel(_ context: OpaquePointer?) -> TPMChannel? {
    context.map { UnsafePointer<Block>($0).pointee.channel.takeUnretainedValue() }
  }
}
