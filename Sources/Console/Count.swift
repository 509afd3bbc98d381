/// A number and the noun that fits it: `1 attested agent`, `0 attested agents`.
package func count(_ number: some BinaryInteger, _ one: String, _ many: String) -> String {
  "\(number) \(number == 1 ? one : many)"
}
