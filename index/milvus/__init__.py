"""An index in Milvus: an engine for archives that one folder can't hold. `engine` owns pymilvus."""
