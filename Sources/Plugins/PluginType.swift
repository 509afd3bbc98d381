/// A type of plugins: what it is called in the configuration, how many there must be, which ones are built in.
package struct PluginType<Instance: Sendable>: Sendable {
  package let name: String
  package let constraint: PluginConstraint
  package let builtIns: [BuiltInPlugin<Instance>]

  package init(_ name: String, _ constraint: PluginConstraint, builtIns: [BuiltInPlugin<Instance>]) {
    self.name = name
    self.constraint = constraint
    self.builtIns = builtIns
  }
}
