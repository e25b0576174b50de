"""The MCP face: the operations on notes as tools, in the shapes that memory-mcp's clients know."""
