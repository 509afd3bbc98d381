/// The configuration files that `spire dev` writes: the ones a user would write by hand, to look at and to start from.
struct DevConfiguration {
  let layout: DevLayout
  let trustDomain: String
  let port: UInt16

  var server: String {
    """
    # Written by `spire dev`; start from a copy of it.
    server {
      trust_domain = "\(trustDomain)"
      bind_address = "127.0.0.1"
      bind_port = "\(port)"
      data_dir = "\(layout.serverDirectory)"
      socket_path = "\(layout.serverSocket)"
      log_level = "DEBUG"
      log_file = "\(layout.serverLog)"
    }
    plugins {
      DataStore "sql" {
        plugin_data {
          database_type = "sqlite3"
          connection_string = "\(layout.serverDirectory)/datastore.sqlite3"
        }
      }
      KeyManager "disk" {
        plugin_data {
          keys_path = "\(layout.serverDirectory)/keys.json"
        }
      }
      NodeAttestor "join_token" {
        plugin_data {}
      }
    }

    """
  }

  var agent: String {
    """
    # Written by `spire dev`; start from a copy of it.
    agent {
      trust_domain = "\(trustDomain)"
      server_address = "127.0.0.1"
      server_port = \(port)
      data_dir = "\(layout.agentDirectory)"
      socket_path = "\(layout.agentSocket)"
      admin_socket_path = "\(layout.agentAdminSocket)"
      trust_bundle_path = "\(layout.bundle)"
      log_level = "DEBUG"
      log_file = "\(layout.agentLog)"
    }
    plugins {
      NodeAttestor "join_token" {
        plugin_data {}
      }
      KeyManager "disk" {
        plugin_data {
          directory = "\(layout.agentDirectory)"
        }
      }
      WorkloadAttestor "unix" {
        plugin_data {}
      }
    }

    """
  }
}
