/// The source of jitter. A value; tests give fixed numbers.
package struct Randomness: Sendable {
  private let draw: @Sendable () -> Double

  /// - Parameter draw: returns a number in `0..<1`.
  package init(_ draw: @escaping @Sendable () -> Double) { self.draw = draw }

  package static let system = Randomness { Double.random(in: 0..<1) }

  /// Always the same number; 0.5 is "no jitter".
  package static func fixed(_ value: Double) -> Randomness { Randomness { value } }

  /// A number in `0..<1`.
  package func unit() -> Double { draw() }

  /// A factor in `1 - spread ... 1 + spread`.
  package func factor(_ spread: Double) -> Double { 1 + spread * (2 * draw() - 1) }
}
