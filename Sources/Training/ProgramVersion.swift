/// The version of lstm-dist, as `--version`, checkpoints and environment.json say it.
package let programVersion = "0.1.0"
