"""The API, THIN: translate, authorise, one call into the flow, translate back.

`schema` puts it together; `permissions` decides who may ask for which field; `visibility`
decides whose rows they see; `sources` says where a field's value comes from.
"""
